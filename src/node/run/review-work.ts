/** Carries out what a review's machine asks for: prompts to draft, answers to check against files, the report. */
import * as path from 'node:path';
import { explain } from '../../core/errors.ts';
import type { Engine } from '../../core/engine.ts';
import { partsSaid } from '../../core/journal/conversation.ts';
import type { RunState } from '../../core/journal/state.ts';
import { reviewLabel } from '../../core/review/coverage.ts';
import type { ReviewTarget } from '../../core/review/finding.ts';
import { checkAnswer, type GivenAnswer, namedFiles } from '../../core/review/gate.ts';
import { INSPECT_STEP } from '../../core/review/plan.ts';
import { inspectPrompt, repairPrompt } from '../../core/review/prompt.ts';
import { markdownReport } from '../../core/review/report.ts';
import type { ReviewEffect } from '../../core/review/review.ts';
import { readReviewedFile } from '../git/reviewed-file.ts';
import type { Run } from './run.ts';
import { writeAtomically } from './run-store.ts';

export const REPORT_FILE = 'report.md';

export interface ReviewWorkOptions {
  /** Absent for a review that is read back from its journal. */
  target: ReviewTarget | undefined;
  /** Resolves a target by its name. @throws TargetError */
  resolve(target: string): Promise<ReviewTarget>;
  engine: Engine;
  /** Makes sure that a server is there and the run is connected to it; gives the model to use. */
  connect(run: Run): Promise<string>;
  now(): number;
}

export class ReviewWork {
  readonly #options: ReviewWorkOptions;
  /** Known once connected; a repair goes to the same model. */
  #model: string | undefined;

  constructor(options: ReviewWorkOptions) {
    this.#options = options;
  }

  /** Never throws: what goes wrong ends the run with a sentence. */
  async perform(run: Run, effect: ReviewEffect): Promise<void> {
    try {
      // Leave the fold that asked for this: records that it proposed along with it come first.
      await Promise.resolve();
      switch (effect.type) {
        case 'inspect':
          return await this.#inspect(run);
        case 'repair':
          return this.#startTurn(run, repairPrompt(effect.problems), 'Ask again for a usable answer');
        case 'check':
          return await this.#check(run, effect.lastTry);
        case 'report':
          return this.#report(run);
      }
    } catch (error) {
      const { kind: errorKind } = error as { kind?: unknown };
      const outcome = errorKind === 'start' ? 'server-unreachable' : 'error';
      const known = typeof errorKind === 'string' ? { errorKind } : {};
      if (run.active && !run.followed)
        run.append({ kind: 'run-ended', outcome, message: explain(error), ...known });
    }
  }

  async #inspect(run: Run): Promise<void> {
    const { engine, resolve } = this.#options;
    this.#model = await this.#options.connect(run);
    if (!run.active) return;
    const target = this.#options.target ?? (await resolve(run.state.scope?.target ?? 'uncommitted'));
    // Between the first look at it and this one, the files may have changed.
    if (this.#options.target === undefined) run.append({ kind: 'scope', scope: target.scope });
    await run.createSession(`Review: ${target.scope.title}`, engine.readOnlyPermissions);
    if (!run.active) return;
    this.#startTurn(run, inspectPrompt(target), reviewLabel(target.scope));
  }

  #startTurn(run: Run, text: string, label: string): void {
    const { sessionId } = run.state;
    if (sessionId === undefined) throw new Error('The review has no session');
    const ids = this.#options.engine.newPromptIds();
    const known = this.#model ?? run.state.turn?.prompt.model;
    const model = known === undefined ? {} : { model: known };
    run.startTurn(sessionId, { ...ids, text, ...model }, label);
  }

  async #check(run: Run, lastTry: boolean): Promise<void> {
    const { scope } = run.state;
    if (scope === undefined) return;
    const given = givenAnswer(run.state);
    const texts = new Map<string, string>();
    for (const file of namedFiles(given, scope)) {
      const text = await readReviewedFile(scope.root, file);
      if (text !== undefined) texts.set(file, text);
    }
    if (!run.active) return;
    const verdict = checkAnswer(given, { scope, texts, lastTry });
    switch (verdict.verdict) {
      case 'accept':
        run.append({ kind: 'gate', stepId: INSPECT_STEP.id, verdict: 'accept', problems: [] });
        run.append({
          kind: 'findings',
          findings: verdict.findings,
          dropped: verdict.dropped,
          summary: verdict.summary,
        });
        return;
      case 'repair':
        return run.append({
          kind: 'gate',
          stepId: INSPECT_STEP.id,
          verdict: 'repair',
          problems: verdict.problems,
        });
      case 'fail':
        return run.append({
          kind: 'gate',
          stepId: INSPECT_STEP.id,
          verdict: 'fail',
          problems: [verdict.message, ...verdict.problems],
        });
    }
  }

  #report(run: Run): void {
    const { info, findings, scope } = run.state;
    if (info === undefined || findings === undefined || scope === undefined) return;
    const header = run.header();
    const text = markdownReport({
      scope,
      findings: findings.findings,
      dropped: findings.dropped,
      summary: findings.summary ?? '',
      outcome: 'ok',
      engine: header.engine,
      model: header.model,
      demo: header.demo,
      startedAt: info.at,
      endedAt: this.#options.now(),
    });
    writeAtomically(path.join(run.folder, REPORT_FILE), text);
    const count = findings.findings.length;
    const message =
      scope.files.length === 0 ? 'Nothing to review.' : `${count} ${count === 1 ? 'finding' : 'findings'}.`;
    run.append({ kind: 'run-ended', outcome: 'ok', message });
  }
}

/** What the turn left: the last answer's fields and all of its text. */
function givenAnswer(state: RunState): GivenAnswer {
  const { turn, conversation } = state;
  const id = turn?.answers.at(-1);
  const message = id === undefined ? undefined : conversation.messages.get(id)?.info;
  const texts = partsSaid(conversation, id ?? '').flatMap(({ part }) =>
    part.type === 'text' ? [`${part.text}\n`] : [],
  );
  const text = texts.join('');
  return { finish: message?.finish, error: message?.error, text };
}
