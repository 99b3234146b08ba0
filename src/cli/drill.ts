/** `holdfast drill` */
import { rmSync } from 'node:fs';
import { faultDrill } from '../engines/fault-drill.ts';
import { type FaultResult, type DrillReport, seenLine, summaryLine } from '../core/drill/report.ts';
import { faultsFor } from '../core/drill/faults.ts';
import { CancelledError, explain } from '../core/errors.ts';
import { exitCode } from '../core/outcome.ts';
import type { DrillCommand } from './args.ts';
import { killDescendants } from './descendants.ts';
import { engineEnv, readSettings } from './settings.ts';
import type { Shell } from './shell.ts';
import { onSignals } from './signals.ts';
import { storageFolder } from './storage.ts';
import type { Terminal } from './terminal.ts';

/** Injects faults and prints what came of them. @returns the exit code: 0 when all promises held. */
export async function drill(command: DrillCommand, shell: Shell): Promise<number> {
  const { terminal, env, platform } = shell;
  const { settings, warnings } = readSettings(command, env);
  for (const text of warnings) terminal.say({ label: 'setting', text, tone: 'warn' });
  const faults = command.only ?? faultsFor(platform).map(({ name }) => name);
  const aborting = new AbortController();
  let folder: string | undefined;
  let isClean = true;
  const endAtOnce = (code: number): void => {
    killDescendants([]);
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    shell.exit(code);
  };
  const release = onSignals({
    stop: () => aborting.abort(),
    kill: () => endAtOnce(exitCode('interrupted')),
    crash(error) {
      terminal.complain(`Holdfast itself failed: ${explain(error)}`);
      endAtOnce(exitCode('error'));
    },
  });
  terminal.onReaderGone = () => aborting.abort();
  try {
    const report = await faultDrill({
      faults,
      engine: settings.engine,
      storage: storageFolder(undefined, shell),
      programs: shell.programs,
      label: 'holdfast drill',
      env: engineEnv(env),
      extraPath: [],
      version: shell.version,
      log: {
        info: () => {},
        warn(text) {
          isClean = false;
          terminal.say({ label: 'note', text, tone: 'warn' });
        },
      },
      signal: aborting.signal,
      steps: {
        onBegin({ version, path }, root) {
          folder = root;
          terminal.say({ label: 'engine', text: `opencode ${version} (${path})` });
          terminal.say({ label: 'folder', text: `${root}, until the end of the drill` });
        },
        onFault: (fault, number) =>
          terminal.say({ label: 'fault', text: `${number} of ${faults.length}: ${fault}` }),
        onStep: (_fault, text) => terminal.say({ label: '', text }),
        onResult(result) {
          if (command.json) terminal.print(JSON.stringify(result));
          else printResult(terminal, result);
        },
      },
    });
    if (command.json) terminal.print(JSON.stringify({ summary: true, ...withoutFaults(report) }));
    else printReport(terminal, report);
    return report.held === report.promises.length ? exitCode('ok') : exitCode('error');
  } catch (error) {
    if (error instanceof CancelledError || aborting.signal.aborted) {
      const text = isClean ? 'The drill was stopped. Nothing of it is left.' : 'The drill was stopped.';
      terminal.say({ label: 'stopped', text });
      return exitCode('interrupted');
    }
    terminal.complain(explain(error));
    return exitCode('error');
  } finally {
    release();
  }
}

function printResult(terminal: Terminal, result: FaultResult): void {
  const { fault, done, held, promises, message } = result;
  terminal.printLine({
    label: held ? 'pass' : 'FAIL',
    text: `${fault}: ${done}`,
    tone: held ? 'good' : 'error',
  });
  terminal.printLine({ label: '', text: seenLine(result) });
  if (message !== '') terminal.printLine({ label: 'told', text: message });
  for (const { promise, broken } of promises)
    for (const what of broken)
      terminal.printLine({ label: 'broken', text: `promise ${promise}: ${what}`, tone: 'error' });
}

function printReport(terminal: Terminal, report: DrillReport): void {
  terminal.print('');
  for (const { promise, title, held, broken } of report.promises) {
    const under = held ? '' : ` (${[...new Set(broken.map((what) => what.split(':', 1)[0]))].join(', ')})`;
    terminal.printLine({
      label: held ? 'pass' : 'FAIL',
      text: `${promise}  ${title}${under}`,
      tone: held ? 'good' : 'error',
    });
  }
  terminal.print('');
  terminal.print(summaryLine(report));
}

function withoutFaults({ faults, ...rest }: DrillReport): object {
  return { ...rest, faults: faults.length };
}
