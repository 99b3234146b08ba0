/** `holdfast replay`: a journal read back. */
import * as path from 'node:path';
import type { JournalRecord, RecordOf } from '../core/journal/record.ts';
import { exitCode } from '../core/outcome.ts';
import { sizeText } from '../core/review/coverage.ts';
import { readJournal } from '../node/journal/journal-reader.ts';
import { livesElsewhere, runFolder } from '../node/run/owner.ts';
import type { ReplayCommand } from './args.ts';
import type { Line } from './plain-text.ts';
import { findingLine } from './progress.ts';
import { Recomputation } from './recompute.ts';
import { RunFold } from './run-fold.ts';
import type { Shell } from './shell.ts';

/** Prints what a journal holds. @returns the exit code of the run. @throws JournalError when there is none. */
export async function replay(command: ReplayCommand, { terminal, cwd }: Shell): Promise<number> {
  const where = path.resolve(cwd, command.journal);
  const { records, problems, unknown } = readJournal(where);
  const fold = new RunFold();
  const recomputation = new Recomputation();
  const decisions: Line[] = [];
  const turns = new Map<string, TurnLine>();
  for (const record of records) {
    recomputation.take(record, fold.take(record), fold.state);
    countTurn(turns, record);
    const text = decisionText(record);
    const offset = `+${((record.at - (records[0]?.at ?? 0)) / 1000).toFixed(1)} s`;
    if (text !== undefined) decisions.push({ label: 'decision', text: `${offset}  ${text}` });
  }
  const standing = fold.standing(await livesElsewhere(runFolder(where)));
  recomputation.finish(standing.is === 'ended' && fold.state.ended !== undefined);

  for (const line of runLines(fold)) terminal.printLine(line);
  for (const line of turns.values()) terminal.printLine(turnText(line));
  for (const finding of fold.state.findings?.findings ?? []) terminal.printLine(findingLine(finding));
  for (const line of decisions) terminal.printLine(line);
  for (const text of problems) terminal.printLine({ label: 'problem', text, tone: 'warn' });
  if (unknown > 0)
    terminal.printLine({ label: 'problem', text: `records of unknown kinds: ${unknown}`, tone: 'warn' });
  for (const text of recomputation.differences) terminal.printLine({ label: 'differs', text, tone: 'error' });
  if (standing.is === 'running')
    terminal.printLine({ label: 'outcome', text: 'none yet: it is still running' });
  else
    terminal.printLine({
      label: 'outcome',
      text: [standing.outcome, standing.message ?? []].flat().join(' · '),
    });
  terminal.print(`decisions: ${decisions.length}, differences: ${recomputation.differences.length}`);
  return exitCode(standing.is === 'running' ? 'incomplete' : standing.outcome);
}

interface TurnLine {
  turnId: string;
  what: string;
  attempts: number;
  outcome: string;
}

function countTurn(turns: Map<string, TurnLine>, record: JournalRecord): void {
  if (record.kind === 'turn-drafted') {
    const what = record.label === '' ? record.prompt.text.slice(0, 100) : record.label;
    turns.set(record.turnId, { turnId: record.turnId, what, attempts: 0, outcome: 'not settled' });
  }
  if (record.kind !== 'attempt-started' && record.kind !== 'turn-settled') return;
  const turn = turns.get(record.turnId);
  if (turn === undefined) return;
  if (record.kind === 'attempt-started') turn.attempts = Math.max(turn.attempts, record.attempt);
  else turn.outcome = settledText(record);
}

function turnText({ turnId, what, attempts, outcome }: TurnLine): Line {
  return {
    label: 'turn',
    text: `${turnId} · ${what} · ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'} · ${outcome}`,
  };
}

function runLines(fold: RunFold): Line[] {
  const { info, scope } = fold.state;
  const { engine, model } = fold.header();
  return [
    {
      label: 'run',
      text:
        info === undefined
          ? 'without a beginning'
          : `${info.runId} · ${info.type}${info.demo ? ' · demo' : ''}`,
    },
    ...(info === undefined
      ? []
      : [{ label: 'begun', text: `${new Date(info.at).toISOString()} in ${info.workspace}` }]),
    { label: 'engine', text: [engine, ...(model === '' ? [] : [model])].join(' · ') },
    ...(scope === undefined ? [] : [{ label: 'scope', text: `${scope.title} · ${sizeText(scope)}` }]),
  ];
}

function decisionText(record: JournalRecord): string | undefined {
  switch (record.kind) {
    case 'turn-settled':
      return `${record.turnId} settled: ${settledText(record)}`;
    case 'gate':
      return `${record.stepId} checked: ${record.verdict === 'accept' ? 'accepted' : `refused (${record.verdict}), ${record.problems.join('; ')}`}`;
    case 'stop-requested':
      return `stop: ${record.cause}`;
    case 'run-ended':
      return `run ended: ${[record.outcome, record.message ?? []].flat().join(' · ')}`;
    default:
      return undefined;
  }
}

function settledText({ outcome, inferred, message }: RecordOf<'turn-settled'>): string {
  return [outcome, ...(inferred ? ['inferred'] : []), ...(message === undefined ? [] : [message])].join(
    ' · ',
  );
}
