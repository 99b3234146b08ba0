/** What recovery is told, and what it has asked for and decided by then. */
import type { EngineEvent, Repair } from '../../../src/core/engine.ts';
import type { RecordBody, RecordOf } from '../../../src/core/journal/record.ts';
import type { RecoveryMode } from '../../../src/core/recovery/incident.ts';
import { running as runningIn, sent as sentIn, SESSION, type Story, text, tool } from './story.ts';

export const sent = (mode: RecoveryMode = 'auto'): Story => sentIn('prompt', mode);
export const running = (mode: RecoveryMode = 'auto'): Story => runningIn('prompt', mode);

export const exit = { signal: 'SIGKILL', stderrTail: '', expected: false };
export const lost: RecordBody = { kind: 'stream', generation: 1, state: 'lost' };
export const died: RecordBody = { kind: 'server', generation: 1, state: 'stopped', exit };
export const diedAgain = { kind: 'server', generation: 2, state: 'stopped', exit } satisfies RecordBody;
export const ready = { kind: 'server', generation: 2, state: 'ready' } satisfies RecordBody;
export const open = { kind: 'stream', generation: 2, state: 'open' } satisfies RecordBody;
export const back: readonly RecordBody[] = [ready, open];
export const mended: RecordBody = { kind: 'session-mended', turnId: 't1' };
export const notMended: RecordBody = { kind: 'session-mended', turnId: 't1', problem: 'No.' };
export const noServer: RecordBody = {
  kind: 'recovery-failed',
  turnId: 't1',
  reason: '3 of 3 restarts are used up.',
};
export const stop: RecordBody = { kind: 'stop-requested', turnId: 't1', cause: 'user' };
export const sendStarted: RecordBody = { kind: 'prompt-send-started', turnId: 't1' };
export const sendCompleted: RecordBody = { kind: 'prompt-send-completed', turnId: 't1' };
export const sendFailed: RecordBody = {
  kind: 'prompt-send-failed',
  turnId: 't1',
  fateUnknown: true,
  error: { name: 'RequestError', message: 'no reply' },
};
export const permission: EngineEvent = {
  type: 'ask',
  sessionId: SESSION,
  ask: {
    type: 'permission',
    id: 'per_1',
    sessionId: SESSION,
    permission: 'bash',
    patterns: ['npm test'],
    always: [],
    callId: 'call_1',
  },
};

export const synced = (status: RecordOf<'synced'>['status']): RecordBody => ({
  kind: 'synced',
  turnId: 't1',
  status,
});
export const says = (choice: RecordOf<'recovery-answered'>['choice']): RecordBody => ({
  kind: 'recovery-answered',
  turnId: 't1',
  choice,
});
export const owner = (serverGone?: true): RecordBody => ({
  kind: 'owner',
  owner: { pid: 2, startedAt: 0 },
  reason: 'return',
  ...(serverGone === undefined ? {} : { serverGone }),
});

/** What is asked for because of these records, apart from records and cancelled timers. */
export function asked(story: Story, ...bodies: RecordBody[]): string[] {
  const before = story.effects.length;
  story.each(...bodies);
  return story.effects.slice(before).flatMap((effect) => {
    if (effect.type === 'timer') return [`timer ${effect.name}`];
    return effect.type === 'cancel-timer' ? [] : [effect.type];
  });
}

export const phase = (story: Story): string | undefined => story.state.turn?.phase;
export const count = (story: Story, kind: RecordBody['kind']): number =>
  story.records.filter((record) => record.kind === kind).length;
export const sends = (story: Story): number => story.effects.filter(({ type }) => type === 'send').length;

export function decisions(story: Story): string[] {
  return story.records.flatMap((record) =>
    record.kind === 'decision' ? [`${record.rule} ${record.decision} ${record.n}/${record.limit}`] : [],
  );
}

export function notices(story: Story): (string | undefined)[] {
  return story.records.flatMap((record) => (record.kind === 'attempt-started' ? [record.notice] : []));
}

export function lastRepairs(story: Story): readonly Repair[] | undefined {
  return story.effects.flatMap((effect) => (effect.type === 'mend' ? [effect.repairs] : [])).at(-1);
}

/** The server dies and is there again, and the session was read. */
export const readBack = (story: Story): Story =>
  story
    .each(lost, died)
    .each(...back)
    .each(synced('idle'));

/** The stages of recovery, each as far as it goes by itself. */
export const failed = (): Story => running().events(text('Half')).each(died);
export const asking = (): Story => readBack(running().events(text('I test.'), tool('running')));
export const mending = (): Story => readBack(running().events(text('Half')));
