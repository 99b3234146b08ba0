/** Settings of the command line: options first, then environment variables, then the defaults. */
import {
  CHOICE_SETTINGS,
  NUMBER_SETTINGS,
  parseSettings,
  type Settings,
  TEXT_SETTINGS,
} from '../core/settings.ts';
import type { EngineFlags } from './args.ts';

/** The password of an attached server. Never an option: arguments can be read by everybody on the machine. */
export const PASSWORD_VARIABLE = 'HOLDFAST_SERVER_PASSWORD';

/** The settings that have an environment variable. */
export const ENVIRONMENT = [
  { variable: 'HOLDFAST_ENGINE_PATH', key: TEXT_SETTINGS.enginePath, means: 'like --engine-path' },
  { variable: 'HOLDFAST_MODEL', key: TEXT_SETTINGS.model, means: 'like --model' },
  {
    variable: 'HOLDFAST_STALL_TIMEOUT',
    key: NUMBER_SETTINGS.stallTimeoutSeconds.key,
    means: 'seconds of silence after which a turn counts as stalled',
  },
  {
    variable: 'HOLDFAST_RESTART_BUDGET',
    key: NUMBER_SETTINGS.restartBudget.key,
    means: 'restarts of the server allowed in five minutes',
  },
  {
    variable: 'HOLDFAST_ENGINE_BUSY_GRACE',
    key: NUMBER_SETTINGS.busyGraceSeconds.key,
    means: 'seconds the server outlives a command that was killed in a turn',
  },
  {
    variable: 'HOLDFAST_ENGINE_IDLE_GRACE',
    key: NUMBER_SETTINGS.idleGraceSeconds.key,
    means: 'seconds the server outlives a command that was killed otherwise',
  },
] as const;

type Env = Readonly<Record<string, string | undefined>>;

/** @returns the settings, and a warning for each variable whose value is not used. */
export function readSettings(flags: EngineFlags, env: Env): { settings: Settings; warnings: string[] } {
  const options: Record<string, string | undefined> = {
    [TEXT_SETTINGS.model]: flags.model,
    [TEXT_SETTINGS.enginePath]: flags.enginePath,
    [TEXT_SETTINGS.serverUrl]: flags.attach,
    [CHOICE_SETTINGS.recoveryMode.key]: flags.recovery,
  };
  const variable = (key: string) => ENVIRONMENT.find((entry) => entry.key === key)?.variable;
  const { settings, warnings } = parseSettings((key) => {
    const name = variable(key);
    const value = options[key] ?? (name === undefined ? undefined : env[name]);
    return value === '' ? undefined : value;
  });
  // Options are checked before they come here, so what is warned about came from a variable.
  return {
    settings,
    warnings: warnings.map((warning) =>
      warning.replace(/^holdfast\.(\S+)/, (whole, key: string) => variable(key) ?? whole),
    ),
  };
}

/** The environment of our own process without what belongs to us alone: the agent's tools can read theirs. */
export function engineEnv(env: Env): Record<string, string | undefined> {
  const { [PASSWORD_VARIABLE]: _password, ...rest } = env;
  return rest;
}
