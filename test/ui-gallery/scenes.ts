/** What the gallery shows: a snapshot for every state that a panel can be in. */
import type { Header, Row, RunView } from '../../src/core/protocol.ts';

const header: Header = {
  runId: 'run',
  type: 'review',
  title: 'Review',
  scope: 'Uncommitted changes on main · 6 files, +214 −61',
  startedAt: 0,
  tokens: 38_140,
  cost: 0,
  phases: [
    { title: 'Scope', state: 'done' },
    { title: 'Inspect 3/5', state: 'now' },
    { title: 'Verify', state: 'waiting' },
    { title: 'Report', state: 'waiting' },
  ],
  demo: false,
  model: 'anthropic/claude',
  engine: 'opencode 1.18.33',
  server: 'ready',
  turn: 'running',
  stallLimitMs: 180_000,
  files: [],
  todos: [],
  canTakeOver: false,
  canSend: false,
  canQueue: false,
  queue: { items: [] },
  canStop: true,
  promptHint: 'The review is running',
  droppedRows: 0,
};

const CODE = [
  '```ts',
  'export async function charge(order: Order): Promise<Receipt> {',
  '  for (let attempt = 1; attempt <= 3; attempt++) {',
  '    const reply = await gateway.post("/charge", { amount: order.total }); // no key',
  '    if (reply.status !== 504) return parseReceipt(reply);',
  '  }',
  '  throw new ChargeError(`gave up on ${order.id}`);',
  '}',
  '```',
].join('\n');

const ANSWER = `## What happens

The retry loop in \`charge()\` re-sends the request after a timeout **without an idempotency key**, see src/pay.ts:42 and the [gateway's documentation](https://example.org/idempotency).

${CODE}

1. A slow gateway takes the money and answers late.

2. \`charge()\` times out and sends *the same* order again:

   \`\`\`diff
   - { amount: order.total }
   + { amount: order.total, key: order.id }
   \`\`\`

3. [x] callers checked
   - \`src/checkout/session.ts:17\` drops the result
   - the queue does not look at it either

| caller | checks the result | retries |
|---|---|---|
| \`session.ts\` | no | 3 |
| \`queue.ts\` | no | until it works |

> A receipt with the same number twice is the only trace.

![a picture](https://example.org/beacon.png) <img src=x onerror=alert(1)>`;

const findings: Extract<Row, { kind: 'findings' }> = {
  kind: 'findings',
  id: 'findings',
  coverage: '6 files reviewed, 2 skipped',
  skipped: [
    { file: 'assets/logo.png', reason: 'binary' },
    { file: 'data/orders.json', reason: 'larger than 256 KiB (1.4 MiB)' },
  ],
  findings: [
    {
      id: 'f1',
      severity: 'critical',
      confidence: 'high',
      title: 'Card numbers are written to the log',
      body: 'The whole request is logged.',
      file: 'src/gateway/http/log.ts',
      line: 8,
    },
    {
      id: 'f2',
      severity: 'high',
      confidence: 'high',
      title: 'A timed-out charge is sent again without a key',
      body: 'The loop in `charge()` sends the request again after a timeout. The gateway cannot tell it from a second order.\n\nSee src/checkout/session.ts:17 for a caller.',
      file: 'src/pay.ts',
      line: 42,
      suggestion: 'const reply = await gateway.post("/charge", { amount: order.total, key: order.id });',
    },
    {
      id: 'f3',
      severity: 'medium',
      confidence: 'medium',
      title: 'Rejected promise is dropped in the loop',
      body: 'Nobody awaits `next()`.',
      file: 'src/queue.ts',
      line: 17,
    },
    {
      id: 'f4',
      severity: 'low',
      confidence: 'low',
      title: 'Timeout is longer than the session in `checkSessionTimeoutBeforeCharging()`',
      body: 'The session ends after 20 s.',
      file: 'src/checkout/session.ts',
    },
    {
      id: 'f5',
      severity: 'info',
      confidence: 'high',
      title: 'The name says seconds, the value is milliseconds',
      body: 'Rename it.',
      file: 'src/settings/a-rather-long-file-name-for-settings.integration.test.ts',
      line: 103,
    },
  ],
};

/** All scenes, with times relative to `now` (ms since the epoch). */
export function scenes(now: number): Readonly<Record<string, RunView | undefined>> {
  const ago = (seconds: number): number => now - seconds * 1000;
  const head = (change: Partial<Header>): Header => ({ ...header, startedAt: ago(161), ...change });
  const tool = (
    id: string,
    title: string,
    summary: string,
    change: Partial<Extract<Row, { kind: 'tool' }>>,
  ): Row => ({
    kind: 'tool',
    id,
    title,
    summary,
    status: 'completed',
    startedAt: ago(60),
    endedAt: ago(59.7),
    ...change,
  });
  const rows: Row[] = [
    {
      kind: 'you',
      id: 'you',
      label: 'Review 6 files',
      text: 'Review these changes.\n\ndiff --git a/src/pay.ts …',
      at: ago(160),
    },
    {
      kind: 'thinking',
      id: 'think',
      text: 'Where is it called?',
      done: true,
      startedAt: ago(150),
      endedAt: ago(138),
    },
    {
      kind: 'text',
      id: 't1',
      text: 'The retry loop in `charge()` re-sends the request after a timeout without an idempotency key. I will check whether callers guard against that.',
      done: true,
    },
    tool('r1', 'Read', 'src/pay.ts', { endedAt: ago(59.9), output: 'export async function charge(…' }),
    tool('r2', 'Search', 'charge( · 14 matches', {}),
    tool('r3', 'Read', 'src/checkout/session.ts', {
      status: 'running',
      startedAt: ago(4),
      endedAt: undefined,
    }),
  ].map((row) => JSON.parse(JSON.stringify(row)) as Row);
  const more: Row[] = [
    {
      kind: 'notice',
      id: 'n1',
      tone: 'quiet',
      text: 'Server restarted (killed by signal 9) · resumed 1/3 · 4 s',
    },
    {
      kind: 'text',
      id: 't2',
      text: 'Back at `session.ts`: no caller checks the result, so a slow gateway can charge twice.',
      done: true,
    },
    {
      ...findings,
      id: 'first',
      skipped: [],
      coverage: '',
      findings: findings.findings.slice(1, 3),
    },
  ];
  const cards: Row[] = [
    {
      kind: 'card',
      id: 'c1',
      tone: 'info',
      title: 'Server restarted, retrying 1/3',
      text: 'The server was killed (signal 9) while the answer was being written. Nothing was lost; the turn goes on where it stopped.',
      facts: [],
      actions: [],
    },
    {
      kind: 'card',
      id: 'c2',
      tone: 'warn',
      title: 'Did this command finish?',
      text: 'The server died while it ran. Running it again could repeat its effect.',
      facts: [
        { label: 'Command', value: '`npm run db:migrate`' },
        { label: 'Ran for', value: '8 s, last output `applying 0042_orders…`' },
        { label: 'Changed since', value: '2 files: `schema.sql`, `migrations.log`' },
      ],
      details: 'Error: socket hang up\n    at connResetException',
      actions: ['continue', 'show-transcript'],
    },
    {
      kind: 'card',
      id: 'c3',
      tone: 'error',
      title: 'Stopped after 3 restarts in 5 minutes',
      text: 'The server keeps exiting with code 1: `database disk image is malformed`. What was done so far is kept.',
      facts: [],
      details: 'sqlite3.DatabaseError: database disk image is malformed',
      actions: ['restart-server', 'show-log', 'open-settings'],
    },
    {
      kind: 'permission',
      id: 'p1',
      askId: 'p1',
      permission: 'bash',
      patterns: [
        'git push origin fix/charge',
        'gh pr create --base main --title "Send an idempotency key with each charge" --body-file notes/pull-request.md',
      ],
      always: ['git push *'],
      state: 'open',
    },
    {
      kind: 'permission',
      id: 'p2',
      askId: 'p2',
      permission: 'webfetch',
      patterns: ['https://example.org'],
      always: [],
      state: 'allowed',
    },
  ];
  const question: Row = {
    kind: 'question',
    id: 'q1',
    askId: 'q1',
    state: 'open',
    questions: [
      {
        question: 'Which gateway is used in production?',
        header: 'Gateway',
        multiple: false,
        custom: true,
        options: [
          { label: 'Stripe', description: 'keys are sent in a header' },
          { label: 'Adyen', description: 'keys are part of the body' },
        ],
      },
      {
        question: 'What shall be checked too?',
        header: '',
        multiple: true,
        custom: false,
        options: [
          { label: 'Refunds', description: '' },
          { label: 'Webhooks', description: '' },
        ],
      },
    ],
  };
  const stopped = head({
    endedAt: now,
    turn: 'settled',
    canTakeOver: false,
    canSend: true,
    canStop: false,
    promptHint: '',
    phases: header.phases.map(({ title }) => ({ title: title.replace(/ .*/, ''), state: 'done' })),
  });
  const asked = head({
    type: 'prompt',
    title: 'Why can a charge happen twice in the checkout?',
    scope: '',
    phases: [],
    progressAt: ago(4),
    canQueue: true,
    promptHint: 'Enter queues it: sent when the turn ends.',
    queue: {
      items: [
        { id: 'q1', text: 'Then add a test that charges twice, and one for a gateway that answers late.' },
        {
          id: 'q2',
          text: 'When both pass:\n- write the change down in CHANGELOG.md\n- say what is left to do, file by file, with the lines that matter and who calls them',
        },
        {
          id: 'q3',
          text: 'a/path/without/any/blank/at/which/it/could/be/broken/into/lines/of/a/narrow/panel.ts',
        },
      ],
    },
  });
  const talk: Row[] = [
    { kind: 'you', id: 'ask', text: 'Why can a charge happen twice?', at: ago(20) },
    { kind: 'text', id: 'answer', text: ANSWER, done: true },
  ];
  return {
    running: { header: head({ progressAt: ago(8) }), rows: [...rows, ...more] },
    cards: { header: head({ title: 'Recovery', turn: 'waiting' }), rows: cards },
    asks: {
      header: head({ turn: 'waiting', promptHint: 'Answer the question first' }),
      rows: [question, ...cards.slice(3)],
    },
    findings: { header: { ...stopped, outcome: 'ok' }, rows: [rows[0] as Row, findings] },
    nothing: {
      header: { ...stopped, outcome: 'ok', demo: true },
      rows: [{ ...findings, findings: [], skipped: [], coverage: '6 files reviewed' }],
    },
    answer: {
      header: head({
        type: 'prompt',
        title: 'Why can a charge happen twice in the checkout?',
        scope: '',
        phases: [],
        progressAt: ago(70),
        cost: 0.12,
      }),
      rows: [
        { kind: 'you', id: 'ask', text: 'Why can a charge happen twice?', at: ago(20) },
        { kind: 'text', id: 'answer', text: ANSWER, done: true },
      ],
    },
    queue: { header: asked, rows: talk },
    'queue-paused': {
      header: {
        ...asked,
        turn: 'settled',
        outcome: 'interrupted',
        endedAt: now,
        ...{ canSend: true, canQueue: false, canStop: false, promptHint: '' },
        queue: { ...asked.queue, paused: 'you stopped the turn' },
      },
      rows: talk,
    },
    tools: {
      header: head({
        progressAt: ago(3),
        droppedRows: 1200,
        outcome: 'server-unreachable',
        phases: [
          { title: 'Scope', state: 'done' },
          { title: 'Inspect 3/5', state: 'failed' },
        ],
        retry: { attempt: 2, message: 'The provider is overloaded', nextAt: now + 12_000 },
        todos: [
          { content: 'Read the changed files', status: 'completed' },
          { content: 'Check the callers of charge()', status: 'in_progress' },
          { content: 'Look at refunds', status: 'pending' },
          { content: 'Ask about the gateway', status: 'cancelled' },
        ],
        files: [
          { file: 'src/pay.ts', additions: 12, deletions: 4 },
          { file: 'src/checkout/session.ts', additions: 3, deletions: 0 },
        ],
      }),
      rows: [
        { kind: 'thinking', id: 'th', text: '', done: false, startedAt: ago(5) },
        tool('a', 'Task', 'Look for other callers', {
          status: 'running',
          startedAt: ago(75),
          endedAt: undefined,
        }),
        tool('b', 'Read', 'src/a/very/long/path/that/does/not/fit/anywhere/in/a/narrow/panel.ts', {
          nested: true,
        }),
        tool('c', 'Search', 'charge(', { nested: true, status: 'error', output: 'rg: not found' }),
        tool('d', 'Run', 'npm run db:migrate', { status: 'unknown' }),
        { kind: 'tool', id: 'e', title: 'Edit', summary: 'src/pay.ts', status: 'pending' },
        { kind: 'notice', id: 'n2', tone: 'warn', text: 'No sign of life for 60 s' },
        { kind: 'notice', id: 'n3', tone: 'error', text: 'The connection to `opencode` was lost' },
        { kind: 'text', id: 'gap', text: 'This answer breaks off in the', done: true, gap: true },
      ],
    },
    reading: {
      header: head({
        scope: '',
        startedAt: ago(0),
        tokens: 0,
        turn: 'none',
        server: 'stopped',
        engine: 'opencode',
        phases: header.phases.map(({ title }, index) => ({ title, state: index === 0 ? 'now' : 'waiting' })),
        promptHint: 'Wait for the turn to end, or stop it.',
      }),
      rows: [],
    },
    starting: {
      header: head({
        startedAt: ago(2),
        tokens: 0,
        turn: 'none',
        server: 'starting',
        engine: 'opencode',
        demo: true,
        promptHint: 'Wait for the turn to end, or stop it.',
      }),
      rows: [],
    },
    empty: undefined,
  };
}
