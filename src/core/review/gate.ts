/**
 * The exit check of the inspect step: what the model gave either becomes findings, or a list of precise problems
 * for one repair prompt, or the failure of the step.
 */
import { assertNever } from '../errors.ts';
import type { EngineError, FinishReason } from '../engine.ts';
import { locateAnchor } from './anchor.ts';
import { atMost, parseAnswer, type AnswerFinding, type ParsedAnswer } from './answer.ts';
import type { Finding, ReviewScope, ScopeFile } from './finding.ts';

/** What the turn left: the final message's fields and its text. */
export interface GivenAnswer {
  finish?: FinishReason | undefined;
  error?: EngineError | undefined;
  text: string;
}

/** A finding that is not in the result, and why. Shown with the findings. */
export interface DroppedFinding {
  title: string;
  /** A sentence part for people; names the file where that is the reason. */
  reason: string;
}

export type Verdict =
  | { verdict: 'accept'; summary: string; findings: Finding[]; dropped: DroppedFinding[] }
  /** Ask once more, with `repairPrompt(problems)`. */
  | { verdict: 'repair'; problems: string[] }
  /** Nothing to repair: the model's call failed, or the last try brought nothing that can be used. */
  | { verdict: 'fail'; message: string; problems: string[] };

/** The files of the scope that the answer names: their texts are needed for `checkAnswer`. Deleted ones are left out. */
export function namedFiles(given: GivenAnswer, scope: ReviewScope): string[] {
  const named = new Set<string>();
  for (const finding of usableOf(parseAnswer(given.text)).findings) {
    const file = fileInScope(scope, finding.file);
    if (file && file.status !== 'deleted') named.add(file.file);
  }
  return [...named];
}

/**
 * Judges an answer. `texts` holds the present text of the files in `namedFiles`; a file that could not be read is
 * absent, and anchors in it are then not held against the finding. With `lastTry` there is no further repair:
 * findings that cannot be used are dropped by name, and one whose anchor is nowhere in its file is kept without lines.
 */
export function checkAnswer(
  given: GivenAnswer,
  context: { scope: ReviewScope; texts: ReadonlyMap<string, string>; lastTry: boolean },
): Verdict {
  const failure = failureOf(given);
  if (failure !== undefined) return { verdict: 'fail', message: failure, problems: [] };

  const parsed = parseAnswer(given.text);
  const { summary, findings, malformed } = usableOf(parsed);
  const problems = parsed.ok ? [] : [...parsed.problems];
  if (!parsed.ok && !parsed.usable && context.lastTry) {
    return { verdict: 'fail', message: 'The model gave no answer in the asked-for form.', problems };
  }
  const kept: Finding[] = [];
  const dropped: DroppedFinding[] = [...malformed];
  findings.forEach((finding) => {
    const checked = checkFinding(finding, context, `f${kept.length + 1}`);
    if (checked.finding) kept.push(checked.finding);
    else dropped.push({ title: finding.title, reason: checked.problem });
    if (checked.problem !== undefined)
      problems.push(`Finding ${JSON.stringify(finding.title)}: ${checked.problem}.`);
  });
  if (problems.length > 0 && !context.lastTry) return { verdict: 'repair', problems: atMost(problems) };
  return { verdict: 'accept', summary, findings: kept, dropped };
}

/** Why the turn did not end as an answer must, in a sentence for people; undefined when it did. */
function failureOf(given: GivenAnswer): string | undefined {
  if (given.error) return `The model call failed: ${given.error.message}`;
  switch (given.finish) {
    case 'stop':
    // A stream that ended without a reason; whether the answer is whole shows when it is parsed.
    case 'unknown':
      return undefined;
    case 'tool-calls':
    case undefined:
      return 'The turn ended in the middle of a step, without an answer.';
    case 'length':
      return 'The model reached its output limit before the answer was whole.';
    case 'content-filter':
      return "The provider's content filter cut the answer off.";
    case 'error':
      return 'The model call ended with an error.';
    default:
      return assertNever(given.finish);
  }
}

function usableOf(parsed: ParsedAnswer): {
  summary: string;
  findings: AnswerFinding[];
  malformed: DroppedFinding[];
} {
  if (parsed.ok) return { ...parsed.answer, malformed: [] };
  if (parsed.usable) return { ...parsed.usable.answer, malformed: parsed.usable.malformed };
  return { summary: '', findings: [], malformed: [] };
}

/** With `finding`: it can be used, `problem` or not. Without: it cannot, and `problem` says why. */
type Checked = { finding: Finding; problem?: string } | { finding?: never; problem: string };

function checkFinding(
  given: AnswerFinding,
  { scope, texts }: { scope: ReviewScope; texts: ReadonlyMap<string, string> },
  id: string,
): Checked {
  const file = fileInScope(scope, given.file);
  if (!file) return { problem: outsideScope(scope, given.file) };
  const finding: Finding = {
    id,
    severity: given.severity,
    confidence: given.confidence,
    title: given.title.replace(/\s+/g, ' ').trim(),
    body: given.body,
    file: file.file,
    anchor: given.anchor,
    anchored: 'none',
    ...(typeof given.suggestion === 'string' ? { suggestion: given.suggestion } : {}),
  };
  if (given.anchor.trim() === '') return { finding, problem: 'the anchor is empty' };
  const text = file.status === 'deleted' ? undefined : texts.get(file.file);
  if (text === undefined) return { finding };
  const place = locateAnchor(text, given.anchor, given.startLine ?? undefined);
  if (place.anchored === 'none') return { finding, problem: `the anchor does not stand in ${file.file}` };
  return { finding: { ...finding, anchor: place.text, anchored: place.anchored, range: place.range } };
}

/** The file of the scope that a model means; it may write it absolute, with the diff's `a/` or `b/`, or with `./`. */
function fileInScope(scope: ReviewScope, named: string): ScopeFile | undefined {
  const root = scope.root.replaceAll('\\', '/').replace(/\/+$/, '');
  const slashed = named.trim().replaceAll('\\', '/');
  const relative = slashed.startsWith(`${root}/`)
    ? slashed.slice(root.length + 1)
    : slashed.replace(/^(?:\.\/)+/, '');
  for (const name of [named, relative, relative.replace(/^[ab]\//, '')]) {
    const file = scope.files.find((each) => each.file === name);
    if (file) return file;
  }
  return undefined;
}

function outsideScope(scope: ReviewScope, named: string): string {
  const skipped = scope.skipped.find((each) => each.file === named);
  if (skipped) return `the file ${named} is not under review (${skipped.reason})`;
  return `the file ${named} is not one of the files under review`;
}
