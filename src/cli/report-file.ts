/** The file that `--report` names. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { explain } from '../core/errors.ts';
import { REPORT_FILE } from '../node/run/review-work.ts';
import { writeAtomically } from '../node/run/run-store.ts';

/** The report cannot be written where the user wants it. Handled by: its sentence, before a review is started. */
export class ReportError extends Error {
  readonly kind = 'report';
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ReportError';
  }
}

/**
 * Finds out before a review of minutes whether its report can be written.
 * @returns the absolute path, links followed.
 * @throws ReportError
 */
export function checkReportFile(file: string, cwd: string): string {
  const asked = path.resolve(cwd, file);
  const target = fs.existsSync(asked) ? fs.realpathSync(asked) : asked;
  const folder = path.dirname(target);
  const stat = fs.statSync(target, { throwIfNoEntry: false });
  if (stat?.isDirectory() === true)
    throw new ReportError(`The report cannot be written to ${asked}: it is a folder.`);
  // Replaced as a whole, a device or a pipe would be gone.
  if (stat !== undefined && !stat.isFile())
    throw new ReportError(`The report cannot be written to ${asked}: it is no ordinary file.`);
  if (fs.statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new ReportError(`The report cannot be written to ${asked}: there is no folder ${folder}.`);
  }
  try {
    fs.accessSync(folder, fs.constants.W_OK);
  } catch (cause) {
    throw new ReportError(`The report cannot be written to ${asked}: the folder cannot be written.`, {
      cause,
    });
  }
  return target;
}

/** @param run the run's folder. @throws ReportError */
export function copyReport(run: string, target: string): void {
  try {
    writeAtomically(target, fs.readFileSync(path.join(run, REPORT_FILE), 'utf8'));
  } catch (cause) {
    throw new ReportError(`The report cannot be written to ${target}: ${explain(cause)}.`, { cause });
  }
}
