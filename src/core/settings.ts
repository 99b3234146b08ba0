/**
 * The settings, parsed once. A bad value never stops anything: it falls back to its default, with one
 * warning that names the setting, what was wrong and what is used instead.
 *
 * `DEFAULTS` is the one place of defaults; the manifest repeats them for the editor and a test compares.
 */
import { RECOVERY_MODES, type RecoveryMode } from './recovery/incident.ts';

export interface Settings {
  /** The graces: how long an owned server outlives its last client, while a turn runs and otherwise. */
  engine: { path: string; startTimeoutMs: number; busyGraceMs: number; idleGraceMs: number };
  /** `restartCommand`: run by a shell to restart an attached server; empty when there is none. */
  server: { url: string; restartCommand: string };
  /** `provider/model`, `demo`, or empty for the engine's own default. */
  model: string;
  /** Silence that is acted on: of the model, and of a tool that runs. */
  stallTimeoutMs: number;
  toolStallTimeoutMs: number;
  /** How long the server's heartbeats may stay out before its event stream is opened anew; 0 for the rule of `stream/`. */
  heartbeatGapTimeoutMs: number;
  recovery: { mode: RecoveryMode };
  restartBudget: number;
  review: { maxFileKiB: number; maxDiffKiB: number };
}

interface NumberRule {
  key: string;
  min: number;
  max: number;
  fallback: number;
}

/** Whole numbers with their ranges; units as in the settings editor. */
export const NUMBER_SETTINGS = {
  startTimeoutSeconds: { key: 'engine.startTimeout', min: 5, max: 600, fallback: 60 },
  busyGraceSeconds: { key: 'engine.busyGrace', min: 1, max: 3600, fallback: 120 },
  idleGraceSeconds: { key: 'engine.idleGrace', min: 1, max: 3600, fallback: 10 },
  stallTimeoutSeconds: { key: 'stallTimeout', min: 30, max: 3600, fallback: 180 },
  toolStallTimeoutSeconds: { key: 'toolStallTimeout', min: 60, max: 86_400, fallback: 1800 },
  heartbeatGapTimeoutSeconds: { key: 'heartbeatGapTimeout', min: 0, max: 3600, fallback: 0 },
  restartBudget: { key: 'restartBudget', min: 0, max: 20, fallback: 3 },
  maxFileKiB: { key: 'review.maxFileSize', min: 1, max: 4096, fallback: 256 },
  maxDiffKiB: { key: 'review.maxDiffSize', min: 16, max: 16_384, fallback: 1024 },
} as const satisfies Record<string, NumberRule>;

interface ChoiceRule<T extends string> {
  key: string;
  values: readonly T[];
  fallback: T;
}

export const CHOICE_SETTINGS = {
  recoveryMode: { key: 'recovery.mode', values: RECOVERY_MODES, fallback: 'auto' },
} as const satisfies { recoveryMode: ChoiceRule<RecoveryMode> };

export const TEXT_SETTINGS = {
  enginePath: 'engine.path',
  serverUrl: 'server.url',
  restartCommand: 'server.restartCommand',
  model: 'model',
} as const;

/** @param read gives the raw value of a setting by its key without the `holdfast.` prefix; undefined when unset. */
export function parseSettings(read: (key: string) => unknown): { settings: Settings; warnings: string[] } {
  const warnings: string[] = [];
  const number = (rule: NumberRule): number => {
    const raw = read(rule.key);
    if (raw === undefined || raw === null) return rule.fallback;
    const value = typeof raw === 'string' && raw.trim() !== '' ? Number(raw) : raw;
    if (typeof value === 'number' && Number.isInteger(value) && value >= rule.min && value <= rule.max)
      return value;
    warnings.push(
      `holdfast.${rule.key} is ${JSON.stringify(raw)}, but must be a whole number from ${rule.min} to ${rule.max}. Using ${rule.fallback}.`,
    );
    return rule.fallback;
  };
  const text = (key: string, check: (value: string) => string | undefined = () => undefined): string => {
    const raw = read(key);
    if (raw === undefined || raw === null || raw === '') return '';
    const problem = typeof raw === 'string' ? check(raw.trim()) : 'must be text';
    if (typeof raw === 'string' && problem === undefined) return raw.trim();
    warnings.push(`holdfast.${key} is ${JSON.stringify(raw)}, but ${problem}. It is ignored.`);
    return '';
  };
  const choice = <T extends string>({ key, values, fallback }: ChoiceRule<T>): T => {
    const raw = read(key);
    if (raw === undefined || raw === null || raw === '') return fallback;
    const known = values.find((value) => value === raw);
    if (known !== undefined) return known;
    warnings.push(
      `holdfast.${key} is ${JSON.stringify(raw)}, but must be ${inWords(values)}. Using ${fallback}.`,
    );
    return fallback;
  };
  const settings: Settings = {
    engine: {
      path: text(TEXT_SETTINGS.enginePath),
      startTimeoutMs: number(NUMBER_SETTINGS.startTimeoutSeconds) * 1000,
      busyGraceMs: number(NUMBER_SETTINGS.busyGraceSeconds) * 1000,
      idleGraceMs: number(NUMBER_SETTINGS.idleGraceSeconds) * 1000,
    },
    server: {
      url: text(TEXT_SETTINGS.serverUrl, urlProblem),
      restartCommand: text(TEXT_SETTINGS.restartCommand),
    },
    model: text(TEXT_SETTINGS.model, modelProblem),
    recovery: { mode: choice(CHOICE_SETTINGS.recoveryMode) },
    stallTimeoutMs: number(NUMBER_SETTINGS.stallTimeoutSeconds) * 1000,
    toolStallTimeoutMs: number(NUMBER_SETTINGS.toolStallTimeoutSeconds) * 1000,
    heartbeatGapTimeoutMs: number(NUMBER_SETTINGS.heartbeatGapTimeoutSeconds) * 1000,
    restartBudget: number(NUMBER_SETTINGS.restartBudget),
    review: {
      maxFileKiB: number(NUMBER_SETTINGS.maxFileKiB),
      maxDiffKiB: number(NUMBER_SETTINGS.maxDiffKiB),
    },
  };
  return { settings, warnings };
}

/** The setting value that stands for the embedded demo model. */
export const DEMO_MODEL = 'demo';

/** What is wrong with a model's name, if anything. */
export function modelProblem(value: string): string | undefined {
  if (value === DEMO_MODEL || /^[^\s/]+\/\S+$/.test(value)) return undefined;
  return 'must look like provider/model';
}

/** What is wrong with a recovery mode, if anything. */
export function recoveryModeProblem(value: string): string | undefined {
  return RECOVERY_MODES.some((known) => known === value) ? undefined : `must be ${inWords(RECOVERY_MODES)}`;
}

function inWords(values: readonly string[]): string {
  return `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`;
}

/** What is wrong with a server's address, if anything. */
export function urlProblem(value: string): string | undefined {
  return /^https?:\/\/[^\s/]+(\/\S*)?$/.test(value) ? undefined : 'must be an http:// or https:// address';
}
