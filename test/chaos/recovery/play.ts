/** Plays one point: a turn whose server is killed at a record, and what became of it. */
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { Recomputation } from '../../../src/cli/recompute.ts';
import type { JournalRecord } from '../../../src/core/journal/record.ts';
import { newRunState, stepRun } from '../../../src/core/journal/state.ts';
import { readJournal } from '../../../src/node/journal/journal-reader.ts';
import type { Run } from '../../../src/node/run/run.ts';
import type { WorkspaceHost } from '../../../src/node/workspace-host.ts';
import type { FakeModel } from '../../fakes/model/server.ts';
import type { Point } from './plan.ts';
import { replayByCommand } from '../replay.ts';
import { gatesOf, promptOf, type TurnFiles } from './script.ts';

/** From the moment that a server was ready again until the turn has its outcome, ms. */
const SETTLED_WITHIN_MS = 20_000;
/** A point that takes longer is given up, ms. */
const POINT_MS = 120_000;

export interface Played {
  point: Point;
  outcome: string;
  /** `8 replay`, `6 ask`, … in order. */
  decisions: string[];
  /** How often the server was killed. */
  kills: number;
  /** How often the model was asked in the turn and its sub-agents. */
  requests: number;
  /** From the last kill until a server was ready, and from there to the outcome, ms. */
  readyMs: number;
  settledMs: number;
  /** Every promise that was broken, a sentence each. */
  broken: string[];
}

export interface Stage {
  host: WorkspaceHost;
  model: FakeModel;
  files: TurnFiles;
}

export async function play(point: Point, { host, model, files }: Stage): Promise<Played> {
  const run = await host.startSession();
  const gates = gatesOf(point.number);
  const shown = new Map<string, string>();
  let records = 0;
  let kills = 0;
  const downs: Promise<void>[] = [];
  let killedAt = 0;
  let readyAt = 0;
  run.listen({
    onRecord(record) {
      records += 1;
      if (record.kind === 'server' && record.state === 'ready') readyAt = record.at;
      // Each piece that has come lets the next one through: the turn goes as fast as it is seen.
      if (record.kind === 'event' && record.event.type === 'delta') model.release(gates.shift() ?? '');
      if (record.kind === 'event' && record.event.type === 'ask') void allow(run, record.event.ask.id);
      if (record.kind === 'decision' && (record.decision === 'ask' || record.decision === 'offer'))
        queueMicrotask(() => run.answerRecovery('go-on'));
      if (records !== point.after[kills]) return;
      const { pid } = host.server.state;
      if (pid === undefined || run.state.turn?.phase === 'settled') return;
      for (const [id, text] of textsOf(run)) shown.set(id, text);
      kills += 1;
      downs.push(wentDown(host, pid));
      killedAt = record.at;
      process.kill(pid, 'SIGKILL');
    },
  });
  const broken: string[] = [];
  await host
    .prompt(run, promptOf(point.number))
    .catch((error: Error) => broken.push(`not begun: ${error.message}`));
  const isOver = await Promise.race([run.ended().then(() => true), delay(POINT_MS, false, { ref: false })]);
  if (!isOver) broken.push(`not settled in ${POINT_MS / 1000} s: ${run.state.turn?.phase}`);

  // One that was killed after the turn's last word may not have been missed yet.
  await Promise.all(downs);
  const journal = readJournal(run.folder).records;
  const settledAt = journal.find(({ kind }) => kind === 'turn-settled')?.at ?? Number.NaN;
  const outcome = run.state.ended?.outcome ?? 'none';
  if (outcome !== 'ok') broken.push(`ended ${outcome}: ${run.state.ended?.message ?? ''}`);
  if (kills > 0 && settledAt - readyAt > SETTLED_WITHIN_MS)
    broken.push(`settled only ${settledAt - readyAt} ms after the server was ready`);
  broken.push(
    ...lostTexts(run, shown),
    ...promptsOf(run),
    ...(await otherThanStored(run, host)),
    ...differences(journal),
    ...(await replayByCommand(run.folder)),
  );
  const isAsked = journal.some((record) => record.kind === 'recovery-answered');
  const lines = (await readFile(files.ledger, 'utf8'))
    .split('\n')
    .filter((line) => line === String(point.number));
  if (lines.length > 1) broken.push(`the command ran ${lines.length} times`);
  if (lines.length === 0 && !isAsked) broken.push('the command did not run, and nobody was asked');
  return {
    point,
    outcome,
    decisions: journal.flatMap((record) =>
      record.kind === 'decision' ? [`${record.rule} ${record.decision}`] : [],
    ),
    kills,
    requests: model.requests.filter(({ prompt }) => prompt.endsWith(` ${point.number}`)).length,
    readyMs: Math.max(0, readyAt - killedAt),
    settledMs: settledAt - readyAt,
    broken: broken.length === 0 ? [] : [...broken, `the journal: ${journal.map(nameOf).join(' ')}`],
  };
}

async function allow(run: Run, askId: string): Promise<void> {
  // The server may be dead by then.
  await run.answer(askId, { type: 'permission', reply: 'once' }).catch(() => undefined);
}

function textsOf(run: Run): [string, string][] {
  return run
    .snapshot()
    .rows.flatMap((row): [string, string][] => (row.kind === 'text' ? [[row.id, row.text]] : []));
}

/** What was shown stays, however it goes on. */
function lostTexts(run: Run, shown: ReadonlyMap<string, string>): string[] {
  const now = new Map(textsOf(run));
  return [...shown].flatMap(([id, text]) =>
    now.get(id)?.startsWith(text.trimEnd()) === true ? [] : [`lost “${text}”, there is now “${now.get(id)}”`],
  );
}

/** The user has asked once. */
function promptsOf(run: Run): string[] {
  const { sessionId, conversation } = run.state;
  const prompts = [...conversation.messages.values()].filter(
    (message) => message.sessionId === sessionId && message.info.role === 'user',
  );
  return prompts.length === 1 ? [] : [`there are ${prompts.length} prompts in the session`];
}

/** Panel and journal equal the engine. */
async function otherThanStored(run: Run, host: WorkspaceHost): Promise<string[]> {
  const { sessionId } = run.state;
  if (sessionId === undefined) return ['there is no session to compare with'];
  const shown = new Map(textsOf(run));
  const { client } = await host.server.ensure();
  const { events } = await client.snapshot(sessionId);
  return events.flatMap((event) => {
    if (event.type !== 'part' || event.part.type !== 'text' || event.sessionId !== sessionId) return [];
    const { id, text } = event.part;
    if (event.messageId === run.state.turn?.prompt.messageId || text === '') return [];
    return shown.get(id)?.trim() === text.trim()
      ? []
      : [`the engine has “${text}”, shown is “${shown.get(id)}”`];
  });
}

/** Resolves once the server has missed its process, which may not have been ready yet. */
function wentDown({ server }: WorkspaceHost, pid: number): Promise<void> {
  return new Promise((resolve) => {
    const stop = server.onState((view) => {
      if (view.pid === pid) return;
      stop();
      resolve();
    });
  });
}

/** The same records lead to the same decisions. */
function differences(records: readonly JournalRecord[]): string[] {
  const state = newRunState();
  const recomputation = new Recomputation();
  for (const record of records) recomputation.take(record, stepRun(state, record), state);
  recomputation.finish(true);
  return recomputation.differences;
}

function nameOf(record: JournalRecord): string {
  switch (record.kind) {
    case 'event':
      return record.event.type === 'status' ? record.event.status.type : record.event.type;
    case 'server':
      return `server-${record.state}`;
    case 'synced':
      return `synced-${record.status}`;
    case 'decision':
      return `decision-${record.decision}`;
    default:
      return record.kind;
  }
}
