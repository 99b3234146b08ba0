/** One fault in one turn of the whole product: what is done, and what came of it. */
import type { Answer, Ask } from '../../../src/core/engine.ts';
import type { Outcome } from '../../../src/core/outcome.ts';
import type { Row } from '../../../src/core/protocol.ts';
import { asksUser } from '../../../src/core/recovery/incident.ts';
import type { Run } from '../../../src/node/run/run.ts';
import type { WorkspaceHost } from '../../../src/node/workspace-host.ts';
import type { ModelRequest } from '../../fakes/model/request.ts';
import { type ModelAnswer, silence } from '../../fakes/model/steps.ts';
import { type ProductBench, recordsOf } from '../support/product-bench.ts';
import type { OtherServer } from './other-server.ts';

/** A turn that needs longer to get to its fault is named, since the test that fails then is not its own, ms. */
const SLOW_MS = 25_000;

export interface Fault {
  /** What goes wrong, as the table names it. Also the prompt. */
  fault: string;
  /** Of the behaviour that the row shows. */
  ids?: string;
  /** What the model answers, call by call; the last answer is repeated. */
  model: readonly ModelAnswer[] | ((stage: Stage) => readonly ModelAnswer[]);
  /** Where the turn is to be when the fault strikes. */
  until?(play: Play): Promise<unknown>;
  /** What strikes this turn alone. */
  strike?(play: Play): unknown;
  /** What is said when recovery asks; `keep` when absent. */
  answer?: 'go-on';
  expected: Expected;
  /** Where the engine itself goes one way or the other: what else may come of it. */
  or?: Partial<Expected>;
  /** What else has to be so at the end. */
  also?(play: Play): unknown;
}

export interface Expected {
  outcome: Outcome;
  /** Row of the decision table, decision, recoveries of the limit. */
  decisions: readonly string[];
  /** The card of each question that recovery asked, with what can be done. */
  asked?: readonly string[];
  /** The cards at the end, with what can be done. */
  cards: readonly string[];
  /** How often the model was asked in this session. */
  requests: number;
  attempts: number;
  /** The engine's own tries after the first. */
  retries?: number;
  /** Its texts at the end. */
  said: readonly string[];
}

/** A fault that is played in a session of its own. */
export class Play {
  readonly stage: Stage;
  readonly host: WorkspaceHost;
  readonly run: Run;
  readonly row: Fault;
  readonly #asked: string[] = [];

  constructor(stage: Stage, host: WorkspaceHost, run: Run, row: Fault) {
    this.stage = stage;
    this.host = host;
    this.run = run;
    this.row = row;
    let asks = 0;
    run.listen({
      onRecord: (record) => {
        // The first one is where a fault strikes.
        if (record.kind === 'event' && record.event.type === 'ask' && ++asks > 1)
          allow(run, record.event.ask);
        if (record.kind === 'decision' && asksUser(record)) this.#answer(row.answer ?? 'keep');
      },
    });
  }

  #answer(choice: 'go-on' | 'keep'): void {
    queueMicrotask(() => {
      this.#asked.push(...this.#cards());
      this.run.answerRecovery(choice);
    });
  }

  get requests(): readonly ModelRequest[] {
    return this.stage.bench.model.requests.filter(({ sessionId }) => sessionId === this.run.state.sessionId);
  }

  /** What came of it. The turn has ended. */
  seen(): Expected {
    const of = this.run;
    return {
      outcome: of.state.ended?.outcome ?? 'error',
      decisions: recordsOf(of, 'decision').map(
        ({ rule, decision, n, limit }) => `${rule} ${decision} ${n}/${limit}`,
      ),
      asked: this.#asked,
      cards: this.#cards(),
      requests: this.requests.length,
      attempts: recordsOf(of, 'attempt-started').length,
      retries: recordsOf(of, 'event').filter(
        ({ event }) => event.type === 'status' && event.status.type === 'retry',
      ).length,
      said: of.snapshot().rows.flatMap((row) => (row.kind === 'text' ? [row.text] : [])),
    };
  }

  /** Those of recovery and of ends: what is left running is one server's and so told in all runs that it did. */
  #cards(): string[] {
    return this.run
      .snapshot()
      .rows.filter((row) => row.kind === 'card')
      .filter(({ id }) => !id.startsWith('leftovers:'))
      .map(cardText);
  }
}

function allow(run: Run, { id, type }: Ask): void {
  const answer: Answer = type === 'permission' ? { type, reply: 'once' } : { type, answers: [['A']] };
  void run.answer(id, answer);
}

function cardText({ title, actions, folded }: Extract<Row, { kind: 'card' }>): string {
  if (folded === true) return `${title} (folded)`;
  return actions.length === 0 ? title : `${title} [${actions.join(', ')}]`;
}

/** Where faults are played: in one workspace, with one model that answers each of them in its own way. */
export class Stage {
  readonly bench: ProductBench;
  /** Another server on the same data, which this test alone has the password of. */
  readonly other: OtherServer;
  readonly #plays: Play[] = [];

  constructor(bench: ProductBench, other: OtherServer) {
    this.bench = bench;
    this.other = other;
    bench.model.script((request) => {
      const play = this.#plays.find(({ run }) => run.state.sessionId === request.sessionId);
      // A sub-agent, which is for ever at work.
      if (play === undefined) return silence();
      const answers = typeof play.row.model === 'function' ? play.row.model(this) : play.row.model;
      return answers[Math.min(play.requests.length, answers.length) - 1];
    });
  }

  /** Starts the turn of each of these faults, at the same time, and resolves when all are where the fault strikes. */
  async begin(rows: readonly Fault[], host: WorkspaceHost): Promise<Map<Fault, Play>> {
    const plays = new Map<Fault, Play>();
    for (const row of rows) plays.set(row, new Play(this, host, await host.startSession(), row));
    this.#plays.push(...plays.values());
    await Promise.all([...plays.values()].map((play) => reach(play)));
    return plays;
  }
}

async function reach(play: Play): Promise<void> {
  const { host, run, row } = play;
  const name = setTimeout(() => process.stderr.write(`${row.fault}: its turn is not there yet\n`), SLOW_MS);
  await host.prompt(run, row.fault);
  await row.until?.(play);
  await row.strike?.(play);
  clearTimeout(name);
}
