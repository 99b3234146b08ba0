import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { AskDesk } from '../../../src/cli/asks.ts';
import { Terminal } from '../../../src/cli/terminal.ts';
import type { Answer, Ask } from '../../../src/core/engine.ts';
import type { JournalRecord } from '../../../src/core/journal/record.ts';

const PERMISSION: Ask = {
  type: 'permission',
  id: 'p1',
  sessionId: 's',
  permission: 'bash',
  patterns: ['npm test'],
  always: ['npm *'],
};
const QUESTION: Ask = {
  type: 'question',
  id: 'q1',
  sessionId: 's',
  questions: [
    {
      question: 'Which?',
      header: 'Which',
      options: [
        { label: 'Red', description: '' },
        { label: 'Blue', description: 'cold' },
      ],
      multiple: true,
      custom: true,
    },
  ],
};

class Bench {
  readonly stdin = Object.assign(new PassThrough(), { isTTY: true });
  readonly stderr = Object.assign(new PassThrough(), { isTTY: true });
  readonly answers: [string, Answer][] = [];
  readonly stops: string[] = [];
  readonly choices: string[] = [];
  answering = (): Promise<void> => Promise.resolve();
  readonly desk: AskDesk;
  #woken: (() => void)[] = [];

  constructor(isTTY = true) {
    this.stdin.isTTY = isTTY;
    const terminal = new Terminal(
      { stdin: this.stdin, stdout: new PassThrough(), stderr: this.stderr },
      { NO_COLOR: '1' },
    );
    const wake = (): void => {
      for (const resolve of this.#woken.splice(0)) resolve();
    };
    this.desk = new AskDesk(
      {
        answer: (id, answer) => {
          this.answers.push([id, answer]);
          return this.answering().finally(wake);
        },
        answerRecovery: (choice) => {
          this.choices.push(choice);
          wake();
        },
        stop: (cause) => {
          this.stops.push(cause);
          wake();
        },
      },
      terminal,
    );
  }

  take(event: Extract<JournalRecord, { kind: 'event' }>['event']): void {
    this.desk.take({ seq: 1, at: 0, kind: 'event', event });
  }

  ask(ask: Ask): void {
    this.take({ type: 'ask', sessionId: 's', ask });
  }

  /** Recovery wants to know whether to go on. */
  recovery(decision: 'ask' | 'offer' | 'resume' = 'ask'): void {
    const about = { turnId: 't1', attempt: 1, rule: 6, reason: 'It died.', n: 0, limit: 3 };
    this.desk.take({ seq: 1, at: 0, kind: 'decision', decision, ...about });
  }

  settle(): void {
    const end = { turnId: 't1', outcome: 'interrupted', inferred: false } as const;
    this.desk.take({ seq: 2, at: 0, kind: 'turn-settled', ...end });
  }

  /** Waits for the next question on the screen, then answers it. */
  async type(line: string): Promise<string> {
    const shown = String(((await once(this.stderr, 'data')) as [Buffer])[0]);
    this.stdin.write(`${line}\n`);
    return shown;
  }

  woken(): Promise<void> {
    return new Promise((resolve) => this.#woken.push(resolve));
  }
}

describe('what the agent asks', () => {
  it('without a terminal is denied at once, with the reason said once', () => {
    const bench = new Bench(false);
    bench.ask(PERMISSION);
    bench.ask(QUESTION);
    assert.deepEqual(bench.answers, [
      ['p1', { type: 'permission', reply: 'reject' }],
      ['q1', { type: 'dismiss' }],
    ]);
    assert.equal(String(bench.stderr.read()).match(/no terminal to ask in/g)?.length, 1);
  });

  for (const [line, reply] of Object.entries({ y: 'once', a: 'always', n: 'reject' })) {
    it(`"${line}" at the terminal means ${reply}`, async () => {
      const bench = new Bench();
      const done = bench.woken();
      bench.ask(PERMISSION);
      assert.equal(await bench.type(line), 'Allow bash: npm test? [y]es once, [a]lways (npm *), [n]o: ');
      await done;
      assert.deepEqual(bench.answers, [['p1', { type: 'permission', reply }]]);
    });
  }

  it('is asked again when the answer is none of these, an empty line among them', async () => {
    const bench = new Bench();
    const done = bench.woken();
    bench.ask(PERMISSION);
    await bench.type('');
    await bench.type('sure');
    await bench.type('no');
    await done;
    assert.deepEqual(bench.answers, [['p1', { type: 'permission', reply: 'reject' }]]);
  });

  it('is denied when the input ends', async () => {
    const bench = new Bench();
    const done = bench.woken();
    bench.ask(PERMISSION);
    bench.stdin.end();
    await done;
    assert.deepEqual(bench.answers, [['p1', { type: 'permission', reply: 'reject' }]]);
  });

  it('can be a question: numbers, own words, or nothing to dismiss it', async () => {
    for (const [line, answer] of [
      ['1, 2', { type: 'question', answers: [['Red', 'Blue']] }],
      ['Green, please', { type: 'question', answers: [['Green, please']] }],
      ['', { type: 'dismiss' }],
    ] as const) {
      const bench = new Bench();
      const done = bench.woken();
      bench.ask(QUESTION);
      assert.match(await bench.type(line), /^Which\?\n {2}1 {2}Red\n {2}2 {2}Blue: cold\n/);
      await done;
      assert.deepEqual(bench.answers, [['q1', answer]]);
    }
  });

  it('a number that is no choice is asked for again', async () => {
    const bench = new Bench();
    const done = bench.woken();
    bench.ask(QUESTION);
    await bench.type('3');
    await bench.type('2');
    await done;
    assert.deepEqual(bench.answers, [['q1', { type: 'question', answers: [['Blue']] }]]);
  });

  it('comes one at a time, and what was closed elsewhere is not answered', async () => {
    const bench = new Bench();
    const done = bench.woken();
    bench.ask(PERMISSION);
    bench.ask({ ...PERMISSION, id: 'p2', patterns: ['rm x'] });
    await once(bench.stderr, 'data');
    bench.take({ type: 'ask-closed', sessionId: 's', askId: 'p1', reply: 'once' });
    // The line feed behind the question that is gone.
    await once(bench.stderr, 'data');
    assert.match(await bench.type('y'), /rm x/);
    await done;
    assert.deepEqual(bench.answers, [['p2', { type: 'permission', reply: 'once' }]]);
  });

  it('C-02: an answer that does not reach the agent ends the turn, which would wait for ever', async () => {
    const bench = new Bench(false);
    bench.answering = () => Promise.reject(new Error('gone'));
    bench.ask(PERMISSION);
    while (bench.stops.length === 0) await bench.woken();
    assert.deepEqual(bench.stops, ['close']);
  });
});

describe('what recovery asks', () => {
  it('without a terminal is answered by nobody, at once and without a question', () => {
    for (const decision of ['ask', 'offer'] as const) {
      const bench = new Bench(false);
      bench.recovery(decision);
      assert.deepEqual(bench.choices, ['nobody']);
      assert.equal(bench.stderr.read(), null);
    }
  });

  it('is nothing where recovery goes on by itself', () => {
    for (const isTTY of [true, false]) {
      const bench = new Bench(isTTY);
      bench.recovery('resume');
      assert.deepEqual([bench.choices, bench.stderr.read()], [[], null]);
    }
  });

  for (const [line, choice] of Object.entries({ y: 'go-on', YES: 'go-on', n: 'keep', ' no ': 'keep' })) {
    it(`"${line}" at the terminal means ${choice}`, async () => {
      const bench = new Bench();
      const done = bench.woken();
      bench.recovery();
      assert.equal(await bench.type(line), 'Go on with this turn? [y]es, [n]o: ');
      await done;
      assert.deepEqual(bench.choices, [choice]);
    });
  }

  it('is asked again when the answer is neither, an empty line among them', async () => {
    const bench = new Bench();
    const done = bench.woken();
    bench.recovery('offer');
    await bench.type('');
    await bench.type('sure');
    assert.deepEqual(bench.choices, []);
    await bench.type('y');
    await done;
    assert.deepEqual(bench.choices, ['go-on']);
  });

  it('is answered by nobody when the input ends', async () => {
    const bench = new Bench();
    const done = bench.woken();
    bench.recovery();
    bench.stdin.end();
    await done;
    assert.deepEqual(bench.choices, ['nobody']);
  });

  it('R-07: is not answered any more when the turn was stopped', async () => {
    const bench = new Bench();
    bench.recovery();
    await once(bench.stderr, 'data');
    bench.settle();
    // The line feed behind the question that is gone.
    await once(bench.stderr, 'data');
    const done = bench.woken();
    bench.ask(PERMISSION);
    await bench.type('n');
    await done;
    assert.deepEqual(bench.answers, [['p1', { type: 'permission', reply: 'reject' }]]);
    assert.deepEqual(bench.choices, []);
  });

  it('comes once at a time, the newest, when it is asked again', async () => {
    const bench = new Bench();
    bench.recovery();
    await once(bench.stderr, 'data');
    const done = bench.woken();
    bench.recovery();
    await bench.type('y');
    await done;
    assert.deepEqual(bench.choices, ['go-on']);
  });

  it('takes the place of what the agent asked: that died with its server', async () => {
    const bench = new Bench();
    bench.ask(PERMISSION);
    await once(bench.stderr, 'data');
    bench.desk.take({
      seq: 1,
      at: 0,
      kind: 'incident',
      turnId: 't1',
      attempt: 1,
      cause: { type: 'server-died' },
      facts: {
        visible: false,
        finalAnswer: false,
        complete: false,
        gaps: 0,
        subAgents: 0,
        asks: 1,
        tools: { finished: 0, failed: 0, 'not-started': 0, unknown: 0, unsafe: 0 },
      },
    });
    await once(bench.stderr, 'data');
    const done = bench.woken();
    bench.recovery();
    assert.match(await bench.type('n'), /^Go on/);
    await done;
    assert.deepEqual([bench.answers, bench.choices], [[], ['keep']]);
  });
});
