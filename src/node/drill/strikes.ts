/** How each fault is injected. */
import { setTimeout as delay } from 'node:timers/promises';
import { asksUser } from '../../core/recovery/incident.ts';
import type { FaultName } from '../../core/drill/faults.ts';
import type { JournalRecord } from '../../core/journal/record.ts';
import { SILENCE_MS } from '../../core/server/liveness.ts';
import type { Settings } from '../../core/settings.ts';
import type { Run } from '../run/run.ts';
import { type DrillModel, FIRST_HALF, NOTED, type Scene } from './drill-model.ts';
import type { LossyProxy } from './lossy-proxy.ts';
import type { Victim } from './victim.ts';

/** Past the silence after which Holdfast looks after a server: it is asked then, and does not answer. */
const FREEZE_MS = SILENCE_MS + 3_000;
/** How long the network is away, ms: the rest of the answer takes a tenth of that. */
const CUT_MS = 2_000;
/** Silence of the model that is acted on where a fault is about that, ms: nobody waits for the three minutes of the settings. */
const SHORT_STALL_MS = 8_000;
/** A silence that is none, ms. */
const SLOW_MS = 5_000;
/** Restarts of the drill's own server where a fault spends them: the wait before each further one grows. */
const SPENDABLE_RESTARTS = 2;
/** Longer than its turn, s: the command is ended when the turn goes on. */
const COMMAND_S = 60;

/** What a strike works on. */
export interface Stage {
  run: Run;
  server: Victim;
  model: DrillModel;
  proxy: LossyProxy;
  signal: AbortSignal;
  /** Keeps what is on the screen now: none of it may be lost. */
  remember(): void;
  /** Tells how it goes. */
  tell(text: string): void;
}

export interface Strike {
  limits?: Partial<Pick<Settings, 'stallTimeoutMs' | 'restartBudget'>>;
  /** Whether the host reaches the server through the proxy alone. */
  isProxied?: true;
  scene: Scene;
  /** Begun before the prompt is sent. @returns what was done, in sentences. */
  strike(stage: Stage): Promise<string>;
}

/** A strike for one turn. */
export function strikeOf(fault: FaultName, platform: NodeJS.Platform): Strike {
  return STRIKES[fault](platform);
}

const STRIKES: Readonly<Record<FaultName, (platform: NodeJS.Platform) => Strike>> = {
  crash: () => ({
    scene: { between: onlyOnce(untilGone) },
    async strike(stage) {
      await halfShown(stage);
      return `Server process ${stage.server.kill()} was killed in the middle of the answer.`;
    },
  }),
  'crash-in-tool': (platform) => ({
    scene: {
      // Not run on Windows: its `cmd` has no sleep.
      thenRun: platform === 'win32' ? `ping -n ${COMMAND_S} 127.0.0.1` : `sleep ${COMMAND_S}`,
      between: () => Promise.resolve(),
    },
    async strike(stage) {
      await heard(stage, isNoted);
      stage.remember();
      const asked = heard(stage, (record) => record.kind === 'decision' && asksUser(record));
      const pid = stage.server.kill();
      await asked;
      stage.tell('asked whether to go on; answering Continue');
      stage.run.answerRecovery('go-on');
      return `Server process ${pid} was killed while a command ran. The question was answered with Continue.`;
    },
  }),
  freeze: () => {
    const gate = newGate();
    return {
      scene: { between: gate.passed },
      async strike(stage) {
        await halfShown(stage);
        const pid = stage.server.freeze();
        stage.tell(`server process ${pid} is frozen for ${FREEZE_MS / 1000} s`);
        await delay(FREEZE_MS, undefined, { signal: stage.signal });
        stage.server.thaw();
        gate.open();
        return `Server process ${pid} was stopped for ${FREEZE_MS / 1000} s.`;
      },
    };
  },
  'stream-cut': () => {
    const gate = newGate();
    return {
      isProxied: true,
      scene: { between: gate.passed },
      async strike(stage) {
        await halfShown(stage);
        stage.proxy.cut();
        gate.open();
        await delay(CUT_MS, undefined, { signal: stage.signal });
        stage.proxy.restore();
        return `All connections were cut for ${CUT_MS / 1000} s, while the answer went on.`;
      },
    };
  },
  'deaf-stream': () => {
    const gate = newGate();
    return {
      limits: { stallTimeoutMs: SHORT_STALL_MS },
      isProxied: true,
      scene: { between: gate.passed },
      async strike(stage) {
        await halfShown(stage);
        stage.proxy.deafen();
        gate.open();
        return `The event stream brought nothing more; the limit of silence was ${SHORT_STALL_MS / 1000} s.`;
      },
    };
  },
  'lost-reply': () => ({
    isProxied: true,
    scene: { between: () => Promise.resolve() },
    async strike(stage) {
      const lost = stage.proxy.loseReply((path) => path.includes('/prompt_async'));
      await Promise.all([lost, halfShown(stage)]);
      return 'The reply to the prompt was lost.';
    },
  }),
  'slow-model': () => ({
    limits: { stallTimeoutMs: SHORT_STALL_MS },
    scene: {
      between: onlyOnce((gone) => delay(SLOW_MS, undefined, { signal: gone }).catch(() => undefined)),
    },
    async strike(stage) {
      await halfShown(stage);
      return `The model was silent for ${SLOW_MS / 1000} s; the limit was ${SHORT_STALL_MS / 1000} s.`;
    },
  }),
  'silent-model': () => ({
    limits: { stallTimeoutMs: SHORT_STALL_MS },
    scene: { between: onlyOnce(untilGone) },
    async strike(stage) {
      await halfShown(stage);
      return `The model went silent for good; the limit was ${SHORT_STALL_MS / 1000} s.`;
    },
  }),
  budget: () => ({
    limits: { restartBudget: SPENDABLE_RESTARTS },
    scene: { between: untilGone },
    async strike(stage) {
      await halfShown(stage);
      const killed: number[] = [];
      for (let left = SPENDABLE_RESTARTS; ; left--) {
        const asked = stage.model.requests;
        killed.push(stage.server.kill());
        if (left === 0) break;
        stage.tell(`killed ${killed.length} of ${SPENDABLE_RESTARTS + 1} times`);
        await stage.model.askedMoreThan(asked);
      }
      return `Server processes ${killed.join(', ')} were killed, one after the other; ${SPENDABLE_RESTARTS} restarts were allowed.`;
    },
  }),
};

/** The first half of the answer is on the screen. */
async function halfShown(stage: Stage): Promise<void> {
  const isShown = (): boolean =>
    stage.run.snapshot().rows.some((row) => row.kind === 'text' && row.text.includes(FIRST_HALF));
  await heard(stage, isShown);
  stage.remember();
}

function isNoted(record: JournalRecord): boolean {
  if (record.kind !== 'event' || record.event.type !== 'part' || record.event.part.type !== 'tool')
    return false;
  return record.event.part.output?.includes(NOTED) === true;
}

/** Resolves with the first record from here on that fits. */
function heard({ run }: Stage, fits: (record: JournalRecord) => boolean): Promise<void> {
  return new Promise((resolve) => {
    const stop = run.listen({
      onRecord(record) {
        if (!fits(record)) return;
        stop();
        resolve();
      },
    });
  });
}

function untilGone(gone: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (gone.aborted) resolve();
    else gone.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Waits the first time alone: what comes after it is another attempt, which is let through. */
function onlyOnce(wait: (gone: AbortSignal) => Promise<unknown>): Scene['between'] {
  let isOver = false;
  return async (gone) => {
    if (isOver) return;
    isOver = true;
    await wait(gone);
  };
}

function newGate(): { open(): void; passed(gone: AbortSignal): Promise<unknown> } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { open: () => open(), passed: (gone) => Promise.race([opened, untilGone(gone)]) };
}
