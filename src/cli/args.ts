/** The command line, parsed into what it asks for. Pure: nothing is looked up, opened or started here. */
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { type FaultName, parseFaults } from '../core/drill/faults.ts';
import { modelProblem, recoveryModeProblem, urlProblem } from '../core/settings.ts';

/** The commands that have a page of help. */
export const COMMANDS = ['review', 'run', 'replay', 'drill'] as const;
export type CommandName = (typeof COMMANDS)[number];

/** What every command that talks to an engine takes. */
export interface EngineFlags {
  /** One record a line on stdout. */
  json: boolean;
  /** `provider/model` or `demo`. */
  model?: string;
  enginePath?: string;
  /** URL of a running server. */
  attach?: string;
  /** Folder for journals and logs. */
  journal?: string;
  /** What recovery may do by itself: `auto`, `ask` or `off`. */
  recovery?: string;
}

export type ReviewCommand = EngineFlags & { name: 'review'; target: string; report?: string };
export type RunCommand = EngineFlags & { name: 'run'; prompt: string };
export interface ReplayCommand {
  name: 'replay';
  journal: string;
  follow: boolean;
}
export interface DrillCommand {
  name: 'drill';
  json: boolean;
  /** Undefined for all that this system can have. */
  only?: readonly FaultName[];
  enginePath?: string;
}
export type Command =
  | ReviewCommand
  | RunCommand
  | ReplayCommand
  | DrillCommand
  | { name: 'help'; topic?: CommandName }
  | { name: 'version' };

/** The command line asks for nothing that can be done. Handled by: its one sentence on stderr, exit code 1. */
export class UsageError extends Error {
  readonly kind = 'usage';
  /** @param message without a full stop. */
  constructor(message: string, topic?: CommandName) {
    const page = topic === undefined ? '--help' : `help ${topic}`;
    super(`${message} (see \`holdfast ${page}\`).`);
    this.name = 'UsageError';
  }
}

type Options = NonNullable<ParseArgsConfig['options']>;
type Values = Readonly<Record<string, string | boolean | undefined>>;

const HELP = { help: { type: 'boolean', short: 'h' } } as const satisfies Options;
const ENGINE = {
  ...HELP,
  json: { type: 'boolean' },
  model: { type: 'string' },
  'engine-path': { type: 'string' },
  attach: { type: 'string' },
  journal: { type: 'string' },
  recovery: { type: 'string' },
} as const satisfies Options;
const OPTIONS: Readonly<Record<CommandName, Options>> = {
  review: { ...ENGINE, target: { type: 'string' }, report: { type: 'string' } },
  run: ENGINE,
  replay: { ...HELP, follow: { type: 'boolean' } },
  drill: {
    ...HELP,
    json: { type: 'boolean' },
    only: { type: 'string' },
    'engine-path': { type: 'string' },
  },
};

/**
 * Parses the arguments after the program's name.
 * @throws UsageError with one sentence for people.
 */
export function parseCommand(args: readonly string[]): Command {
  const [first, ...rest] = args;
  switch (first) {
    case undefined:
      throw new UsageError('Say what to do, for example `holdfast review`');
    case '--version':
    case '-v':
    case 'version':
      return { name: 'version' };
    case '--help':
    case '-h':
      return { name: 'help' };
    case 'help':
      return help(rest);
    case 'review':
      return parseReview(rest);
    case 'run':
      return parseRun(rest);
    case 'replay':
      return parseReplay(rest);
    case 'drill':
      return parseDrill(rest);
    default:
      throw new UsageError(
        first.startsWith('-') ? `There is no option ${first}` : `There is no command ${quoted(first)}`,
      );
  }
}

function help([topic, ...more]: readonly string[]): Command {
  if (topic === undefined) return { name: 'help' };
  const known = COMMANDS.find((name) => name === topic);
  if (known === undefined || more.length > 0)
    throw new UsageError(`There is no help on ${quoted([topic, ...more].join(' '))}`);
  return { name: 'help', topic: known };
}

function parseReview(args: readonly string[]): Command {
  const { values, words } = parse('review', args);
  if (values['help'] === true) return { name: 'help', topic: 'review' };
  const [word] = words;
  if (word !== undefined) {
    throw new UsageError(
      `\`review\` takes no ${quoted(word)}; what is reviewed is said by --target`,
      'review',
    );
  }
  return {
    name: 'review',
    target: text(values, 'target') ?? 'uncommitted',
    ...given('report', text(values, 'report')),
    ...engineFlags('review', values),
  };
}

function parseRun(args: readonly string[]): Command {
  const { values, words } = parse('run', args);
  if (values['help'] === true) return { name: 'help', topic: 'run' };
  const [prompt, ...more] = words;
  if (prompt === undefined || prompt.trim() === '') throw new UsageError('`run` needs a prompt', 'run');
  if (more.length > 0) throw new UsageError('`run` takes one prompt: put it in quotes', 'run');
  return { name: 'run', prompt, ...engineFlags('run', values) };
}

function parseReplay(args: readonly string[]): Command {
  const { values, words } = parse('replay', args);
  if (values['help'] === true) return { name: 'help', topic: 'replay' };
  const [journal, ...more] = words;
  if (journal === undefined)
    throw new UsageError('`replay` needs a journal: a file, or the folder of a run', 'replay');
  if (more.length > 0) throw new UsageError('`replay` takes one journal', 'replay');
  return { name: 'replay', journal, follow: values['follow'] === true };
}

function parseDrill(args: readonly string[]): Command {
  const { values, words } = parse('drill', args);
  if (values['help'] === true) return { name: 'help', topic: 'drill' };
  const [word] = words;
  if (word !== undefined)
    throw new UsageError(`\`drill\` takes no ${quoted(word)}; faults are chosen by --only`, 'drill');
  const list = text(values, 'only');
  const only = list === undefined ? undefined : parseFaults(list);
  if (only !== undefined && 'problem' in only) throw new UsageError(`--only ${only.problem}`, 'drill');
  return {
    name: 'drill',
    json: values['json'] === true,
    ...(only === undefined ? {} : { only }),
    ...given('enginePath', text(values, 'engine-path')),
  };
}

function engineFlags(command: CommandName, values: Values): EngineFlags {
  const model = text(values, 'model');
  const attach = text(values, 'attach');
  const enginePath = text(values, 'engine-path');
  const refuse = (flag: string, problem: string | undefined) => {
    if (problem !== undefined) throw new UsageError(`--${flag} ${problem}`, command);
  };
  if (model !== undefined) refuse('model', modelProblem(model));
  const recovery = text(values, 'recovery');
  if (recovery !== undefined) refuse('recovery', recoveryModeProblem(recovery));
  if (attach !== undefined) {
    refuse('attach', urlProblem(attach));
    if (/^https?:\/\/[^/]*@/.test(attach))
      refuse(
        'attach',
        'must not hold a password, which everybody on this machine could read: set HOLDFAST_SERVER_PASSWORD',
      );
    if (enginePath !== undefined)
      refuse('attach', 'uses a server that runs already, so --engine-path has no meaning with it');
  }
  return {
    json: values['json'] === true,
    ...given('model', model),
    ...given('enginePath', enginePath),
    ...given('attach', attach),
    ...given('recovery', recovery),
    ...given('journal', text(values, 'journal')),
  };
}

/** `strict` is off because its messages are neither short nor ours; the same checks stand here. */
function parse(command: CommandName, args: readonly string[]): { values: Values; words: string[] } {
  const options = OPTIONS[command];
  const { tokens } = parseArgs({
    args: [...args],
    options,
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const values: Record<string, string | boolean> = {};
  const words: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value);
    if (token.kind !== 'option') continue;
    const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
    if (option === undefined) throw new UsageError(`\`${command}\` has no option ${token.rawName}`, command);
    if (values[token.name] !== undefined) throw new UsageError(`${token.rawName} is given twice`, command);
    if (option.type === 'boolean') {
      if (token.value !== undefined) throw new UsageError(`${token.rawName} takes no value`, command);
      values[token.name] = true;
    } else {
      const isMissing =
        token.value === undefined ||
        token.value === '' ||
        (!token.inlineValue && token.value.startsWith('--'));
      if (isMissing) throw new UsageError(`${token.rawName} needs a value`, command);
      values[token.name] = token.value as string;
    }
  }
  return { values, words };
}

function text(values: Values, name: string): string | undefined {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
}

function given<K extends string>(key: K, value: string | undefined): Partial<Record<K, string>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, string>);
}

function quoted(word: string): string {
  return JSON.stringify(word.length > 60 ? `${word.slice(0, 59)}…` : word);
}
