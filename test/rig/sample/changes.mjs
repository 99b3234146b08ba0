// The day's work that nobody has committed yet, with the mistakes that a review should find.

/** @typedef {{ file: string, staged: boolean, edits: [before: string, after: string][] }} Change */

// Put together here so that no scanner takes this file for a leak.
const FAKE_KEY = ['sk', 'live', 'EXAMPLE0000notARealKey0000'].join('_');

/** @type {Change[]} */
export const CHANGES = [
  {
    file: 'src/config.ts',
    staged: true,
    edits: [
      [
        `  const providerKey = env['PAY_KEY'];
  if (providerKey === undefined) {
    throw new Error('PAY_KEY is not set');
  }
`,
        `  // the staging box has no secret store yet
  const providerKey = env['PAY_KEY'] ?? '${FAKE_KEY}';
`,
      ],
      [
        `    sessionMinutes: Number(env['SESSION_MINUTES'] ?? 30),
`,
        `    sessionMinutes: Number(env['SESSION_MINUTES'] ?? 30),
    refundDays: Number(env['REFUND_DAYS'] ?? 14),
`,
      ],
      ['  sessionMinutes: number;\n', '  sessionMinutes: number;\n  refundDays: number;\n'],
    ],
  },
  {
    file: 'src/queue.ts',
    staged: true,
    edits: [
      [
        `      try {
        await this.deliver(job);
      } catch (error) {
        this.retry(job, error);
      }
`,
        `      try {
        this.deliver(job);
      } catch (error) {}
`,
      ],
    ],
  },
  {
    file: 'src/pay.ts',
    staged: false,
    edits: [
      [
        `  if (!response.ok) {
    throw new PaymentRefused`,
        `  console.log('charged', order.orderId, response.status, config.providerKey);
  if (!response.ok) {
    throw new PaymentRefused`,
      ],
      [
        `  return { chargeId: id, orderId: order.orderId, paidAt };
}
`,
        `  return { chargeId: id, orderId: order.orderId, paidAt };
}

/** Gives the money of a charge back, all of it or a part. */
export async function refund(config: Config, receipt: Receipt, amountCents?: number): Promise<void> {
  // TODO: refuse refunds older than config.refundDays
  const body = amountCents == null ? {} : { amountCents };
  debugger;
  const response = await fetch(\`\${config.providerUrl}/charges/\${receipt.chargeId}/refunds\`, {
    method: 'POST',
    headers: { authorization: \`Bearer \${config.providerKey}\` },
    body: JSON.stringify(body),
  });
  if (!response.ok) {
    throw new PaymentRefused(receipt.orderId, await response.text());
  }
}
`,
      ],
    ],
  },
  {
    file: 'src/discount.ts',
    staged: false,
    edits: [
      [
        `/** Cents to be paid, never below one. */
`,
        `/** Rules from the back office, for example "amountCents > 10000 ? 20 : 5". */
export function percentByRule(rule: string, amountCents: number): number {
  return eval(rule.replaceAll('amountCents', String(amountCents)));
}

/** Cents to be paid, never below one. */
`,
      ],
    ],
  },
  {
    file: 'README.md',
    staged: false,
    edits: [
      [
        '| `src/config.ts` | settings from the environment |\n',
        '| `src/config.ts` | settings from the environment |\n| `src/refund-report.ts` | nightly report of refunds |\n',
      ],
    ],
  },
];

/** Files git does not know yet. @type {Record<string, string>} */
export const UNTRACKED = {
  'src/refund-report.ts': `import { appendFile } from 'node:fs/promises';

export interface Refund {
  orderId: string;
  amountCents: number;
  at: string;
}

async function save(file: string, line: string): Promise<void> {
  await appendFile(file, line + '\\n');
}

/** One line per refund, newest last. Returns the total in cents. */
export async function writeReport(file: string, refunds: readonly Refund[]): Promise<number> {
  let total = 0;
  for (const refund of refunds) {
    total += refund.amountCents;
    save(file, [refund.at, refund.orderId, refund.amountCents].join(';'));
  }
  console.log('report written', file);
  return total;
}
`,
};

/** Removed and not replaced, though nothing says that its last user is gone. */
export const DELETED = 'src/legacy-tax.js';

/** A picture, so that the review meets a file it cannot read: the signature of PNG and bytes without meaning. */
export const BINARY = {
  file: 'docs/flow.png',
  bytes: Uint8Array.from([
    0x89,
    0x50,
    0x4e,
    0x47,
    0x0d,
    0x0a,
    0x1a,
    0x0a,
    ...Array.from({ length: 2_040 }, (_, index) => (index * 131) % 256),
  ]),
};

/** Test data above 1 MiB, which is more than a review reads. */
export const OVERSIZED = {
  file: 'test/data/orders.csv',
  text: [
    'order;amountCents;currency',
    ...Array.from(
      { length: 60_000 },
      (_, index) => `ORD-${String(index).padStart(7, '0')};${(index * 37) % 100_000};EUR`,
    ),
  ].join('\n'),
};
