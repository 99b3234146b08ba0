/** The pages of help. */
import { FAULT_NAMES, faultOf } from '../core/drill/faults.ts';
import type { CommandName } from './args.ts';
import { ENVIRONMENT, PASSWORD_VARIABLE } from './settings.ts';

const OVERVIEW = `Holdfast runs coding-agent sessions on a local agent server, and keeps a journal of each.

Usage
  holdfast review [options]            review changes with an agent that can look and not touch
  holdfast run "<prompt>" [options]    send one prompt in a new session
  holdfast replay <journal> [--follow] read a journal back
  holdfast drill [options]             see what recovery does when things go wrong on this machine
  holdfast help <command>              the options of a command
  holdfast --version
`;

const EXIT_CODES = `Exit codes
  0    done
  1    failed, or it could not be started
  2    ended without a full answer
  3    the server is gone or cannot be reached
  4    stalled
  130  stopped
`;

const ENGINE_OPTIONS = `  --json               one record of the journal a line on stdout; progress stays on stderr
  --model <p/m>        provider/model, or demo for the built-in demo model; default: the engine's own
  --engine-path <file> the engine's binary; default: found on PATH and in the usual places
  --attach <url>       use a server that runs already instead of starting one
  --recovery <mode>    what happens when the server dies in a turn: auto (the default) goes on where that repeats
                       nothing, ask asks first (with no terminal the turn ends), off ends the turn
  --journal <folder>   where journals and logs go; default: the user's own state folder
`;

const REVIEW = `Usage: holdfast review [options]

Reviews changes of the git repository around the current folder. The findings go to stdout.

Options
  --target <what>      uncommitted (the default), staged, branch:<base>, commit:<id>, range:<a..b>
  --report <file>      also write the findings there as Markdown
${ENGINE_OPTIONS}`;

const RUN = `Usage: holdfast run "<prompt>" [options]

Sends one prompt in a new session, in the current folder. The answer goes to stdout. What the agent asks leave for is
asked here when this is a terminal, and denied when it is not.

Options
${ENGINE_OPTIONS}`;

const REPLAY = `Usage: holdfast replay <journal> [--follow]

Prints what a journal holds: the run, its turns, the findings, the decisions, and whether the same decisions would be
taken from the same records again. The exit code is that of the run, or 1 when the journal cannot be read.

<journal> is the folder of a run, or one file of it.

Options
  --follow             print progress as the journal grows, until the run ends; <journal> may then also be a folder of
                       runs, of which the newest unfinished one is taken, or else the next to begin
`;

/** Room for the longest name of a fault. */
const FAULT_CHARS = 14;

const DRILL = `Usage: holdfast drill [options]

Injects faults into sessions of its own and shows what becomes of them: whether each of the six promises held. It uses
your engine and nothing else of yours: the demo model answers, and workspace, sessions and servers are made for it and
removed at the end. All of it takes about two minutes.

Options
  --only <faults>      some of them, as crash,freeze
  --json               one JSON object a fault on stdout, and one for the whole; progress stays on stderr
  --engine-path <file> the engine's binary; default: found on PATH and in the usual places

Faults
${FAULT_NAMES.map(faultOf)
  .map(
    ({ name, does, expects }) =>
      `  ${name.padEnd(FAULT_CHARS)} ${does}\n  ${''.padEnd(FAULT_CHARS)} ${expects}`,
  )
  .join('\n')}

Exit codes
  0    all promises held
  1    one did not, or the drill could not be started
  130  stopped
`;

/** The page of one command, or the overview. Ends with a line feed. */
export function helpText(topic: CommandName | undefined): string {
  switch (topic) {
    case 'review':
      return `${REVIEW}\n${environment()}\n${EXIT_CODES}`;
    case 'run':
      return `${RUN}\n${environment()}\n${EXIT_CODES}`;
    case 'replay':
      return REPLAY;
    case 'drill':
      return DRILL;
    case undefined:
      return `${OVERVIEW}\n${environment()}\n${EXIT_CODES}`;
  }
}

/** Room for the longest name of a variable. */
const VARIABLE_CHARS = 26;

function environment(): string {
  const lines = ENVIRONMENT.map(({ variable, means }) => `  ${variable.padEnd(VARIABLE_CHARS)} ${means}`);
  return `Environment (options win)
${lines.join('\n')}
  ${PASSWORD_VARIABLE.padEnd(VARIABLE_CHARS)} the password of a server given by --attach
  ${'NO_COLOR'.padEnd(VARIABLE_CHARS)} no colour in a terminal
`;
}
