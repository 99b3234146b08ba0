import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineEvent } from '../../src/core/engine.ts';
import { createFrameReader, type Odd } from '../../src/engines/opencode/events.ts';

/**
 * Recorded streams of opencode 1.18.33. The `.jsonl` ones hold one received event per line, most of them
 * from `/event`; they are put into the envelope of `/global/event` here. `global-turn.sse` is the raw bytes of
 * that endpoint.
 */
const FOLDER = join(process.cwd(), 'test', 'contract', 'streams');

/** The workspace of the recordings. */
export const WORKSPACE = '/w/ws';

interface Wire {
  type: string;
  properties: Record<string, unknown>;
}

export function recordings(): string[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.jsonl'))
    .map((name) => name.replace(/\.jsonl$/, ''));
}

export const recordedBytes = (name: string): Buffer => readFileSync(join(FOLDER, name));

/** The events of a recording as they came, without any envelope. */
export function wireEvents(name: string): Wire[] {
  return lines(name).map((event) => (event.payload ?? event) as Wire);
}

/** What our mapping makes of a recording. */
export function replay(name: string): { events: EngineEvent[]; odd: Odd[] } {
  const frames = lines(name).map((event) =>
    JSON.stringify(
      event.payload === undefined ? { directory: WORKSPACE, project: 'p', payload: event } : event,
    ),
  );
  const odd: Odd[] = [];
  const events = createFrameReader(WORKSPACE, (one) => odd.push(one)).read(frames);
  return { events, odd };
}

function lines(name: string): { payload?: unknown }[] {
  const text = readFileSync(join(FOLDER, `${name}.jsonl`), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { ev: { payload?: unknown } }).ev);
}

/** The events of one session in few words each, for comparing sequences. */
export function story(events: readonly EngineEvent[], sessionId: string): string[] {
  return events.filter((event) => event.sessionId === sessionId).flatMap((event) => tell(event) ?? []);
}

function tell(event: EngineEvent): string | undefined {
  switch (event.type) {
    case 'status':
      return event.status.type === 'retry' ? `retry ${event.status.attempt}` : event.status.type;
    case 'message': {
      const { role, finish, completedAt, error } = event.message;
      return [role, finish, completedAt === undefined ? undefined : 'closed', error?.name]
        .filter(Boolean)
        .join(' ');
    }
    case 'part':
      if (event.part.type === 'tool') return `${event.part.tool} ${event.part.status}`;
      return `${event.part.type} "${event.part.text}"${event.part.endedAt === undefined ? '' : ' whole'}`;
    case 'delta':
      return `+"${event.text}"`;
    case 'error':
      return `error ${event.error.name}`;
    case 'ask':
      return `ask ${event.ask.type}`;
    case 'ask-closed':
      return `closed ${event.reply}`;
    // Titles and lists of changes come at any time in between.
    case 'session':
    case 'changes':
      return undefined;
    default:
      return event.type;
  }
}
