/** Plays one point and looks whether what Holdfast promises was kept. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Conversation } from '../../src/core/journal/conversation.ts';
import type { JournalRecord } from '../../src/core/journal/record.ts';
import type { OpenWindow } from './open-window.ts';
import type { Blow, Point, Target } from './plan.ts';
import { TEXTS } from './script.ts';
import { type Graces, Stage } from './stage.ts';

/** Short, so that many points can be waited for. */
const SHORT: Graces = { busySeconds: 4, idleSeconds: 1 };
/** Whoever comes back is in time, also on a slow machine. */
const LONG: Graces = { busySeconds: 12, idleSeconds: 1 };
/** On top of the grace, until nothing is left: a server and its tools are asked first and signalled twice, ms. */
const END_MS = 10_000;
/** How long a turn, or going on with one, may take before it counts as hanging, ms. */
const TURN_MS = 90_000;
/** How long the command of the turn runs, s: until it is ended where nobody comes back, else for a moment. */
const TOOL_SECONDS = { left: 600, awaited: 3 };

export interface Played {
  point: Point;
  /** Of the turn; `not begun` where it was struck before there was one. */
  outcome: string;
  orphans: number;
  /** What the tools had begun, where everything of ours was killed at one blow: ended by the next window. */
  leftToNext: number;
  strangersKilled: number;
  stillRunning: number;
  duplicates: number;
  /** From the end of the last window until nothing was left, s. */
  secondsToGone: number;
  /** Every promise that was broken, a sentence each. */
  broken: string[];
}

/**
 * What goes wrong is a broken promise and no error.
 * @param program of windows.
 * @throws when the stage cannot be set.
 */
export async function play(point: Point, program: string): Promise<Played> {
  const played: Played = {
    point,
    outcome: 'not begun',
    orphans: 0,
    leftToNext: 0,
    strangersKilled: 0,
    stillRunning: 0,
    duplicates: 0,
    secondsToGone: 0,
    broken: [],
  };
  const { blow } = point;
  const isLeft = blow.type === 'kill' && !blow.returns;
  const graces = point.mustEndWell ? LONG : SHORT;
  const stage = await Stage.set(program, graces, isLeft ? TOOL_SECONDS.left : TOOL_SECONDS.awaited);
  try {
    for (const step of [act, judge]) {
      // What became of it is looked at all the same.
      await step(stage, played, graces).catch((error: Error) => played.broken.push(error.message));
    }
    if (played.broken.length > 0) played.broken.push(...explanation(stage));
  } finally {
    await stage.strike();
  }
  return played;
}

async function act(stage: Stage, played: Played, { busySeconds }: Graces): Promise<void> {
  const { point } = played;
  const { blow } = point;
  const first = await stage.openWindow('begin');
  let isOver = false;
  void first.has('over').then(() => (isOver = true));
  await within(first.until((heard) => isOver || heard.length >= point.after));
  isOver ||= !first.isOpen;
  const before = await servers(stage);
  await strike(stage, first, blow, () => isOver);
  const isLeft = blow.type === 'kill' && !blow.returns;
  if (first.isOpen || !isLeft) stage.releaseAll();

  let second: OpenWindow | undefined;
  if (!isLeft && blow.type !== 'freeze') {
    second = await stage.openWindow('come back');
    if (!(await within(second.has('looked')))) played.broken.push('The window that came back died.');
  }
  await within(first.has('over'));
  if (point.mustEndWell) await assertSame(stage, played, before);
  await stage.see();
  await second?.leave();
  await first.kill();

  // Killed at one blow, nothing of ours is there to end what the tools have begun: the next window does.
  const isToNext = (command: string): boolean =>
    blow.type === 'kill' && blow.targets.length === 3 && isLeft && isTool(command);
  await assertGone(stage, played, busySeconds, (command) => !isToNext(command));
  if (!isLeft) return;
  played.leftToNext = [...(await stage.living()).values()].filter(isToNext).length;
  const looker = await stage.openWindow('come back');
  if (!(await within(looker.has('looked')))) played.broken.push('The window that looked died.');
  await looker.leave();
  await assertGone(stage, played, 1, () => true);
}

async function strike(stage: Stage, window: OpenWindow, blow: Blow, isOver: () => boolean): Promise<void> {
  switch (blow.type) {
    case 'leave':
      return window.leave();
    case 'freeze': {
      const pid = await stage.find('server', isOver);
      if (pid === undefined) throw new Error('There was no server to freeze.');
      process.kill(pid, 'SIGSTOP');
      await delay(blow.ms);
      process.kill(pid, 'SIGCONT');
      return;
    }
    case 'kill': {
      const isOther = (target: Target): target is Exclude<Target, 'window'> => target !== 'window';
      const others = blow.targets.filter(isOther);
      const pids = await within(Promise.all(others.map((target) => stage.find(target, isOver))));
      await stage.see();
      const isWindow = blow.targets.includes('window');
      for (const pid of isWindow ? [...pids, window.pid] : pids)
        if (pid !== undefined) process.kill(pid, 'SIGKILL');
      if (isWindow) await window.kill();
    }
  }
}

async function assertGone(
  stage: Stage,
  played: Played,
  graceSeconds: number,
  counts: (command: string) => boolean,
): Promise<void> {
  const { ms, left } = await stage.gone(graceSeconds * 1000 + END_MS, counts);
  played.secondsToGone = Math.max(played.secondsToGone, ms / 1000);
  played.orphans += left.length;
  played.broken.push(...left.map((one) => `left after ${Math.round(ms / 1000)} s: ${one}`));
}

/** A turn that nothing may be lost of: one server, each request once, the whole text. */
async function assertSame(stage: Stage, { broken }: Played, before: readonly number[]): Promise<void> {
  const after = await servers(stage);
  if (after.join() !== before.join()) broken.push(`server ${before.join()} became ${after.join() || 'none'}`);
  const steps = stage.model.requests.map(({ step }) => step);
  if (steps.join() !== TEXTS.map((_, step) => step).join())
    broken.push(`the model was asked ${steps.join()}`);
}

async function judge(stage: Stage, played: Played): Promise<void> {
  const { broken, point } = played;
  const runs = stage.journals;
  const [run] = runs;
  if (runs.length > 1) broken.push(`there are ${runs.length} runs`);
  played.stillRunning = runs.filter(
    ({ state }) => state.turn !== undefined && state.turn.phase !== 'settled',
  ).length;
  if (played.stillRunning > 0) broken.push('a run is still running');
  if (run?.state.ended !== undefined) played.outcome = run.state.ended.outcome;
  const isAdopted = run?.records.some(({ kind }) => kind === 'owner') ?? false;
  if ((isAdopted || point.mustEndWell) && played.outcome !== 'ok')
    broken.push(`ended ${played.outcome}: ${run?.state.ended?.message ?? ''}`);
  if (point.mustEndWell) {
    const said = run === undefined ? [] : saidBy(run.state.conversation);
    if (said.join() !== TEXTS.join()) broken.push(`the text is: ${said.join(' | ')}`);
  }
  played.duplicates = Math.max(0, (await stage.begun()) - 1);
  if (played.duplicates > 0) broken.push(`the command was begun ${played.duplicates + 1} times`);
  if (!stage.stranger.isAlive) {
    played.strangersKilled = 1;
    broken.push('a stranger was killed');
  }
}

/** What helps to find out why. */
function explanation({ complaints, journals }: Stage): string[] {
  const told = journals.map(({ records }) => records.map((record) => nameOf(record)).join(' '));
  return [...told.map((one) => `The journal: ${one}`), `The windows said: ${complaints.trim() || 'nothing'}`];
}

function nameOf(record: JournalRecord): string {
  switch (record.kind) {
    case 'event':
      return record.event.type;
    case 'server':
      return `server-${record.state}`;
    case 'synced':
      return `synced-${record.status}`;
    default:
      return record.kind;
  }
}

/** The texts of the agent. */
function saidBy({ messages, parts }: Conversation): string[] {
  return [...parts.values()].flatMap(({ messageId, part }) =>
    part.type === 'text' && messages.get(messageId)?.info.role === 'assistant' ? [part.text] : [],
  );
}

/** The command of the turn and what it starts. */
function isTool(command: string): boolean {
  return /^(\S*\/)?(ba|da|z)?sh\s|^sleep\s/.test(command);
}

async function servers(stage: Stage): Promise<number[]> {
  return (await stage.entries()).flatMap(({ server }) => server?.pid ?? []);
}

/** @throws when it takes longer than a turn may. */
async function within<T>(work: Promise<T>): Promise<T> {
  const stop = new AbortController();
  const late = delay(TURN_MS, undefined, { signal: stop.signal }).then(() => {
    throw new Error(`nothing came of it in ${TURN_MS / 1000} s`);
  });
  late.catch(() => {});
  try {
    return await Promise.race([work, late]);
  } finally {
    stop.abort();
  }
}
