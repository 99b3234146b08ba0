/** Strikes one turn with one fault, and notes what was seen. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Evidence, type ShownText, textsOf } from '../../core/drill/evidence.ts';
import type { FaultName } from '../../core/drill/faults.ts';
import { CancelledError, DrillError, explain } from '../../core/errors.ts';
import { parseSettings, type Settings } from '../../core/settings.ts';
import { readJournal } from '../journal/journal-reader.ts';
import type { Mark } from '../process/leftovers.ts';
import type { WorkspaceHost } from '../workspace-host.ts';
import { Census } from './census.ts';
import { ANSWER, type DrillModel, LEDGER, LINE, PROMPT, WARM_UP } from './drill-model.ts';
import { type LossyProxy, startLossyProxy } from './lossy-proxy.ts';
import type { Sandbox } from './sandbox.ts';
import { type Strike, strikeOf } from './strikes.ts';
import { Victim } from './victim.ts';

/** A turn that has not ended after this long has broken the first promise, ms. The longest fault takes 28 s by itself. */
const TURN_LIMIT_MS = 90_000;
/** A fault that has not struck this long after the end of its turn has not struck, ms. */
const STRUCK_MS = 1_000;
/** Should we be killed: how long the server of a drill is kept, ms. */
const GRACES = { busyGraceMs: 10_000, idleGraceMs: 1_000 };

/** What a drill opens its windows with. */
export interface OpenWindow {
  folder: string;
  storage: string;
  settings: Settings;
  /** The only way to the server, where there is one. */
  proxy?: LossyProxy;
}

export interface DrillDesk {
  sandbox: Sandbox;
  model: DrillModel;
  /** `provider/model` */
  modelName: string;
  engine: Pick<Settings['engine'], 'path' | 'startTimeoutMs'>;
  /** In the environment of all that the engine starts. */
  mark: Mark;
  platform: NodeJS.Platform;
  signal: AbortSignal;
  open(window: OpenWindow): WorkspaceHost;
  tell(text: string): void;
  /** Something of it could not be ended. */
  warn(text: string): void;
}

/**
 * Begins a session of its own, strikes its turn, and lets go of everything.
 * @throws StartError and others when it could not begin; CancelledError. Nothing runs any more then.
 */
export async function play(fault: FaultName, desk: DrillDesk): Promise<Evidence> {
  const strike = strikeOf(fault, desk.platform);
  const folder = desk.sandbox.workspace(fault);
  const storage = join(desk.sandbox.storage, fault);
  const settings = settingsOf(desk, strike.limits ?? {});
  const proxy = await startLossyProxy();
  const host = desk.open({ folder, storage, settings, ...(strike.isProxied && { proxy }) });
  const census = new Census(storage, desk.mark);
  const server = new Victim(host.server, () => census.note());
  const end = async (isUrgent: boolean): Promise<string[]> => {
    server.thaw();
    const closed = host.close();
    if (isUrgent) server.killIfThere();
    await closed;
    await proxy.stop();
    return census.left();
  };
  let seen;
  try {
    seen = await unlessAborted(desk.signal, strikeTurn(host, strike, { fault, server, proxy, desk }));
  } catch (error) {
    for (const one of await end(true)) desk.warn(`Of the fault drill this is still there: ${one}.`);
    throw error;
  }
  const { ends, kills, restarts } = server;
  const left = await end(false);
  return {
    ...seen,
    fault,
    // When nothing can write to it any more.
    ledger: readLedger(folder),
    serverEnds: ends,
    kills,
    restarts: { used: restarts, limit: settings.restartBudget },
    left,
    processes: census.size,
  };
}

type SeenOfTurn = Omit<
  Evidence,
  'fault' | 'ledger' | 'serverEnds' | 'kills' | 'restarts' | 'left' | 'processes'
>;

async function strikeTurn(
  host: WorkspaceHost,
  strike: Strike,
  { fault, server, proxy, desk }: { fault: FaultName; server: Victim; proxy: LossyProxy; desk: DrillDesk },
): Promise<SeenOfTurn> {
  const { model, signal, tell } = desk;
  tell('starting a server');
  await warmUp(host);
  server.forget();
  const run = await host.startSession(`Fault drill: ${fault}`);
  const shown: ShownText[] = [];
  const remember = (): void => void shown.push(...textsOf(run.snapshot().rows));
  model.play(strike.scene);
  const begunAt = Date.now();
  const struck = strike.strike({ run, server, model, proxy, signal, remember, tell }).then(
    (text): Evidence['strike'] => ({ type: 'done', text }),
    (error: unknown): Evidence['strike'] => ({ type: 'missed', text: explain(error) }),
  );
  await host.prompt(run, PROMPT);
  tell('a turn runs');
  const ended = run.ended().then(() => Date.now() - begunAt);
  const tookMs = await within(TURN_LIMIT_MS, ended);
  const done = await within(STRUCK_MS, struck);
  const { records, problems } = readJournal(run.folder);
  return {
    strike: done ?? { type: 'missed', text: 'The turn was over before the fault could strike.' },
    records,
    unreadable: problems,
    ...(tookMs === undefined ? {} : { tookMs }),
    limitMs: TURN_LIMIT_MS,
    prompt: PROMPT,
    shown,
    answer: ANSWER,
    line: LINE,
    modelRequests: model.requests,
  };
}

/** The first turn of a server takes seconds, which are no silence of the model. @throws DrillError when it fails */
async function warmUp(host: WorkspaceHost): Promise<void> {
  const run = await host.startSession('Warm up');
  await host.prompt(run, WARM_UP);
  await within(TURN_LIMIT_MS, run.ended());
  const { turn } = run.state;
  if (turn?.phase === 'settled' && turn.outcome === 'ok') return;
  const why = turn?.phase === 'settled' ? turn.message : `it has not ended after ${TURN_LIMIT_MS / 1000} s.`;
  throw new DrillError(`The engine cannot do a first turn, before any fault: ${why ?? 'it failed.'}`);
}

function settingsOf({ engine, modelName }: DrillDesk, limits: Partial<Settings>): Settings {
  const { settings } = parseSettings(() => undefined);
  return { ...settings, ...limits, engine: { ...engine, ...GRACES }, model: modelName };
}

function readLedger(folder: string): string[] {
  try {
    const lines = readFileSync(join(folder, LEDGER), 'utf8').split('\n');
    return lines.map((line) => line.trim()).filter((line) => line !== '');
  } catch {
    return [];
  }
}

/** @returns undefined when it takes longer. */
async function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => (timer = setTimeout(resolve, ms, undefined)));
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(new CancelledError());
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
