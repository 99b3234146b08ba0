/** The results of a drill, for people and for programs. Pure. */
import type { Outcome } from '../outcome.ts';
import { type Evidence, seenIn } from './evidence.ts';
import { type FaultName, faultOf } from './faults.ts';
import { judge, type PromiseNumber, PROMISES, type Verdict } from './judge.ts';

export interface FaultResult {
  fault: FaultName;
  title: string;
  /** What was done, or why nothing was: sentences. */
  done: string;
  /** Absent where the turn did not end. */
  outcome?: Outcome;
  /** Why it failed, where it did. */
  message: string;
  restarts: { used: number; limit: number };
  attempts: number;
  modelRequests: number;
  ledgerLines: number;
  /** `9 resume 1/3`: row of the decision table, decision, recoveries of the turn. */
  decisions: string[];
  asks: number;
  tookMs?: number;
  promises: Verdict[];
  /** Whether all of them held. */
  held: boolean;
}

export interface PromiseResult {
  promise: PromiseNumber;
  title: string;
  held: boolean;
  /** What was seen instead, a line each, with the fault in front. */
  broken: string[];
}

export interface DrillReport {
  engine: { version: string; path: string };
  faults: FaultResult[];
  promises: PromiseResult[];
  /** How many of them held. */
  held: number;
  /** What could not be removed. */
  remains?: string;
  tookMs: number;
}

export function resultOf(evidence: Evidence): FaultResult {
  const { fault, strike, restarts, modelRequests, ledger, tookMs } = evidence;
  const { outcome, message, attempts, decisions, asks } = seenIn(evidence.records);
  const promises = judge(evidence);
  return {
    fault,
    title: faultOf(fault).title,
    done: strike.text,
    ...(outcome === undefined ? {} : { outcome }),
    message,
    restarts,
    attempts,
    modelRequests,
    ledgerLines: ledger.length,
    decisions,
    asks,
    ...(tookMs === undefined ? {} : { tookMs }),
    promises,
    held: promises.every(({ held }) => held),
  };
}

/** A promise holds when it held under every fault. */
export function promisesOf(faults: readonly FaultResult[]): PromiseResult[] {
  return PROMISES.map((title, index) => {
    const promise = (index + 1) as PromiseNumber;
    const broken = faults.flatMap((result) =>
      result.promises
        .filter((verdict) => verdict.promise === promise)
        .flatMap((verdict) => verdict.broken.map((what) => `${result.fault}: ${what}`)),
    );
    return { promise, title, held: broken.length === 0, broken };
  });
}

/** `Fault drill: 6 of 6 promises held.` */
export function summaryLine({ held, promises, faults, tookMs }: DrillReport): string {
  const count = faults.length === 1 ? '1 fault' : `${faults.length} faults`;
  return `Fault drill: ${held} of ${promises.length} promises held (${count}, ${Math.round(tookMs / 1000)} s).`;
}

/** What came of a fault, in a line: `ok after 6.1 s · restarts 1/3 · 2 attempts · …` */
export function seenLine(result: FaultResult): string {
  const { outcome, tookMs, restarts, attempts, modelRequests, ledgerLines, decisions, asks } = result;
  return [
    `${outcome ?? 'no end'}${tookMs === undefined ? '' : ` after ${(tookMs / 1000).toFixed(1)} s`}`,
    `restarts ${restarts.used}/${restarts.limit}`,
    counted(attempts, 'attempt'),
    counted(modelRequests, 'model request'),
    counted(ledgerLines, 'ledger line'),
    ...(asks > 0 ? [`asked ${asks === 1 ? 'once' : `${asks} times`}`] : []),
    ...(decisions.length > 0 ? [`decided ${decisions.map(nameOf).join(', then ')}`] : []),
  ].join(' · ');
}

/** The report as Markdown. */
export function drillMarkdown(report: DrillReport): string {
  const { engine, faults, promises } = report;
  const rows = promises.map(({ promise, title, held }) => `| ${promise} | ${title} | ${mark(held)} |`);
  const broken = promises.flatMap((one) =>
    one.broken.map((what) => `- Promise ${one.promise}, ${inline(what)}`),
  );
  const sections = faults.map((result) => {
    const { does, expects } = faultOf(result.fault);
    return [
      `### ${result.held ? '✓' : '✗'} ${result.title} (\`${result.fault}\`)`,
      `${does} ${expects}`,
      `- Done: ${inline(result.done)}`,
      `- Seen: ${inline(seenLine(result))}`,
      ...(result.message === '' ? [] : [`- Told: ${inline(result.message)}`]),
      ...result.promises.map(
        ({ promise, held, broken: what, seen }) =>
          `- Promise ${promise}: ${mark(held)}, ${inline([...what, ...(seen === '' ? [] : [seen])].join('; '))}`,
      ),
    ].join('\n');
  });
  return [
    '# Fault drill',
    `**${summaryLine(report)}**`,
    `Engine: opencode ${engine.version} (\`${engine.path}\`). A throw-away session with the demo model; ${leftText(report)}`,
    ['| | promise | |', '| --- | --- | --- |', ...rows].join('\n'),
    ...(broken.length === 0 ? [] : [`## What was broken\n\n${broken.join('\n')}`]),
    '## Faults',
    ...sections.map((text) => text.replace('\n', '\n\n').replace('\n- Done', '\n\n- Done')),
    '',
  ].join('\n\n');
}

function leftText({ promises, remains }: DrillReport): string {
  if (remains !== undefined) return `this could not be removed: ${inline(remains)}.`;
  return promises.some(({ promise, held }) => promise === 5 && !held)
    ? 'its folders are gone.'
    : 'nothing of it is left.';
}

/** `9 resume 1/3` without its numbers. */
function nameOf(decision: string): string {
  return decision.split(' ')[1] ?? decision;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function mark(held: boolean): string {
  return held ? 'held' : '**broken**';
}

/** One line, with nothing in it that Markdown would act on. */
function inline(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\\`*_<>[\]|]/g, '\\$&');
}
