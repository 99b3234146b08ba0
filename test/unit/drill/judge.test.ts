import assert from 'node:assert/strict';
import type { Evidence } from '../../../src/core/drill/evidence.ts';
import { FAULT_NAMES, faultOf, faultsFor, parseFaults } from '../../../src/core/drill/faults.ts';
import { judge, type PromiseNumber } from '../../../src/core/drill/judge.ts';
import { drillMarkdown, promisesOf, resultOf, summaryLine } from '../../../src/core/drill/report.ts';
import type { RecordBody, RecordOf } from '../../../src/core/journal/record.ts';

const ANSWER = 'First the line. One, two, three.';
const SESSION = 'ses_1';
const TURN = 't1';

/** What every turn of a drill begins with. */
const BEGIN: readonly RecordBody[] = [
  {
    kind: 'run-started',
    version: 1,
    runId: 'r1',
    type: 'prompt',
    title: 'Fault drill',
    workspace: '/w',
    engine: 'opencode',
    demo: false,
    owner: { pid: 1, startedAt: 1 },
    holdfast: '0.0.0',
  },
  { kind: 'session-ready', sessionId: SESSION, title: 'Fault drill' },
  {
    kind: 'turn-drafted',
    turnId: TURN,
    sessionId: SESSION,
    prompt: { messageId: 'msg_u', partId: 'prt_u', text: 'Count' },
    label: '',
    recovery: 'auto',
  },
  { kind: 'attempt-started', turnId: TURN, attempt: 1 },
  event({ type: 'message', sessionId: SESSION, message: { id: 'msg_u', role: 'user', createdAt: 1 } }),
  event({
    type: 'message',
    sessionId: SESSION,
    message: { id: 'msg_a', role: 'assistant', parentId: 'msg_u', createdAt: 2 },
  }),
];
const SAID = said('prt_a', ANSWER);
const OK: RecordBody = { kind: 'turn-settled', turnId: TURN, outcome: 'ok', inferred: false };
const FAILED: RecordBody = {
  kind: 'turn-settled',
  turnId: TURN,
  outcome: 'server-unreachable',
  inferred: false,
  message: 'The server was killed.',
};

function event(told: RecordOf<'event'>['event']): RecordBody {
  return { kind: 'event', event: told };
}

function said(id: string, text: string): RecordBody {
  const part = { type: 'text' as const, id, text, endedAt: 3 };
  return event({ type: 'part', sessionId: SESSION, messageId: 'msg_a', part });
}

function incident(unsafe: number): RecordBody {
  const tools = { finished: 0, failed: 0, 'not-started': 0, unknown: unsafe, unsafe };
  const facts = { visible: true, finalAnswer: false, complete: true, gaps: 0, subAgents: 0, asks: 0, tools };
  return {
    kind: 'incident',
    turnId: TURN,
    attempt: 1,
    cause: { type: 'server-died', signal: 'SIGKILL' },
    facts,
  };
}

function decision(how: 'ask' | 'resume' | 'stop'): RecordBody {
  const rule = how === 'ask' ? 6 : 9;
  return { kind: 'decision', turnId: TURN, attempt: 1, decision: how, rule, reason: 'Why.', n: 1, limit: 3 };
}

const GO_ON: RecordBody = { kind: 'recovery-answered', turnId: TURN, choice: 'go-on' };
const AGAIN: RecordBody = { kind: 'attempt-started', turnId: TURN, attempt: 2 };

/** Evidence of a turn that nothing came of, with changes. */
function evidence(body: readonly RecordBody[], changes: Partial<Evidence> = {}): Evidence {
  return {
    fault: 'freeze',
    strike: { type: 'done', text: 'Done.' },
    records: [...BEGIN, ...body].map((record, index) => ({ ...record, seq: index + 1, at: 1000 + index })),
    unreadable: [],
    tookMs: 4000,
    limitMs: 90_000,
    prompt: 'Count',
    shown: [{ id: 'prt_a', text: 'First the line. One,' }],
    answer: ANSWER,
    ledger: ['written'],
    line: 'written',
    modelRequests: 2,
    serverEnds: 0,
    kills: 0,
    restarts: { used: 0, limit: 3 },
    left: [],
    processes: 2,
    ...changes,
  };
}

/** The promises that are broken, each with what was seen. */
function broken(of: Evidence): Partial<Record<PromiseNumber, string>> {
  return Object.fromEntries(
    judge(of).flatMap(({ promise, broken }) => (broken.length === 0 ? [] : [[promise, broken.join('; ')]])),
  );
}

const HEALED = [SAID, incident(0), decision('resume'), AGAIN, OK];
const KILLED = { fault: 'crash', kills: 1, serverEnds: 1, restarts: { used: 1, limit: 3 } } as const;

describe('The verdict of a drill', () => {
  it('is that all promises held where they did, whatever the fault', () => {
    assert.deepEqual(broken(evidence([SAID, OK])), {});
    assert.deepEqual(broken(evidence(HEALED, KILLED)), {});
    const asked = [SAID, incident(1), decision('ask'), GO_ON, decision('resume'), AGAIN, OK];
    assert.deepEqual(broken(evidence(asked, { ...KILLED, fault: 'crash-in-tool' })), {});
    const spent = { ...KILLED, fault: 'budget', kills: 3, serverEnds: 3 } as const;
    assert.deepEqual(broken(evidence([SAID, incident(0), decision('stop'), FAILED], spent)), {});
  });

  const cases: [string, PromiseNumber, Evidence, RegExp][] = [
    ['a turn that has no end', 1, unended(), /had not ended after 90 s/],
    ['a turn that ends twice', 1, evidence([SAID, OK, OK]), /2 times/],
    [
      'a journal that cannot be read',
      2,
      evidence([SAID, OK], { unreadable: ['line 7: not JSON'] }),
      /line 7/,
    ],
    ['a record that is missing', 2, withGap(), /record 3 is missing/],
    ['a prompt that is gone', 2, evidence([SAID, OK], { prompt: 'Other' }), /prompt is not in/],
    [
      'a text that was shown and is gone',
      2,
      evidence([OK], { answer: '' }),
      /“First the line. One,” was shown/,
    ],
    [
      'an answer that lacks its end',
      2,
      evidence([said('prt_a', 'First the line. One, two'), OK]),
      /not the whole/,
    ],
    ['a command that ran twice', 3, evidence([SAID, OK], { ledger: ['written', 'written'] }), /ran 2 times/],
    ['a command that never ran', 3, evidence([SAID, OK], { ledger: [] }), /did not run/],
    ['a line of somebody else', 3, evidence([SAID, OK], { ledger: ['written', 'x'] }), /nobody wanted/],
    ['a prompt that was sent twice', 3, evidence([...twoPrompts(), SAID, OK]), /prompt 2 times/],
    [
      'going on unasked where a command may have run',
      3,
      evidence([SAID, incident(1), decision('resume'), AGAIN, OK], KILLED),
      /without asking/,
    ],
    [
      'a server that ended and was not killed',
      4,
      evidence([SAID, OK], { serverEnds: 1 }),
      /^1 server ended, and the drill killed none$/,
    ],
    [
      'a restart where none was due',
      4,
      evidence([SAID, OK], { restarts: { used: 1, limit: 3 } }),
      /restarted once/,
    ],
    ['a process that is left', 5, evidence([SAID, OK], { left: ['sleep 60 (process 7)'] }), /sleep 60/],
    ['a drill that saw no process', 5, evidence([SAID, OK], { processes: 0 }), /no process/],
    [
      'a failed attempt where none was due',
      6,
      evidence(HEALED, { ...KILLED, fault: 'slow-model' }),
      /none was due/,
    ],
    [
      'a recovery that did not recover',
      6,
      evidence([SAID, incident(0), FAILED], KILLED),
      /not recover: The server/,
    ],
    [
      'a card that stays open',
      6,
      evidence([SAID, incident(0), decision('resume'), OK].slice(0, 3), KILLED),
      /open/,
    ],
    [
      'asking without need',
      6,
      evidence([SAID, incident(0), decision('ask'), GO_ON, AGAIN, OK], KILLED),
      /asked/,
    ],
    [
      'a success out of a spent budget',
      6,
      evidence(HEALED, { ...KILLED, fault: 'budget' }),
      /success was reported/,
    ],
    ['a fault without a trace', 6, evidence([SAID, OK], KILLED), /no trace/],
  ];
  for (const [what, promise, of, pattern] of cases) {
    it(`names ${what} as broken promise ${promise}`, () => assert.match(broken(of)[promise] ?? '', pattern));
  }

  it('is that nothing was shown by a fault that did not strike', () => {
    const missed = judge(evidence([SAID, OK], { strike: { type: 'missed', text: 'Too late.' } }));
    assert.deepEqual(
      missed.map(({ held }) => held),
      [false, false, false, false, false, false],
    );
  });

  it('counts a promise as held only when it held under every fault', () => {
    const faults = [resultOf(evidence([SAID, OK])), resultOf(evidence([SAID, OK], { left: ['sleep 60'] }))];
    const promises = promisesOf(faults);
    assert.deepEqual(
      promises.filter(({ held }) => !held).map(({ promise, broken }) => `${promise} ${broken.join()}`),
      ['5 freeze: still there: sleep 60'],
    );
    const engine = { version: '1.18.33', path: '/bin/opencode' };
    const report = { engine, faults, promises, held: 5, tookMs: 61_000 };
    assert.equal(summaryLine(report), 'Fault drill: 5 of 6 promises held (2 faults, 61 s).');
    const text = drillMarkdown(report);
    assert.match(text, /^\| 5 \| No process outlives its purpose \| \*\*broken\*\* \|$/m);
    assert.match(text, /^- Promise 5, freeze: still there: sleep 60$/m);
    assert.match(text, /^### ✓ Freeze \(`freeze`\)$/m);
  });
});

describe('The faults of a drill', () => {
  it('are chosen by name, in the order of a drill', () => {
    assert.deepEqual(parseFaults('freeze, crash'), ['crash', 'freeze']);
    assert.deepEqual(parseFaults('crash,boom'), {
      problem: `has no fault "boom"; there are ${FAULT_NAMES.join(', ')}`,
    });
  });

  it('say what is done and what is due, a sentence each', () => {
    for (const { does, expects } of FAULT_NAMES.map(faultOf)) {
      assert.match(does, /^[A-Z].*\.$/);
      assert.match(expects, /^[A-Z].*\.$/);
    }
  });

  it('are all there but the freeze on Windows, which cannot stop a process', () => {
    assert.equal(faultsFor('linux').length, FAULT_NAMES.length);
    assert.deepEqual(
      faultsFor('win32').map(({ name }) => name),
      FAULT_NAMES.filter((name) => name !== 'freeze'),
    );
  });
});

function unended(): Evidence {
  const { tookMs: _none, ...rest } = evidence([SAID]);
  return rest;
}

function withGap(): Evidence {
  const whole = evidence([SAID, OK]);
  return { ...whole, records: whole.records.filter(({ seq }) => seq !== 3) };
}

function twoPrompts(): RecordBody[] {
  return [
    event({ type: 'message', sessionId: SESSION, message: { id: 'msg_v', role: 'user', createdAt: 1 } }),
  ];
}
