// The sample project as it was committed: a small checkout service, in order as far as a reviewer is concerned.

const README = `# checkout

Takes a cart, charges the card and queues the receipt. Runs behind the shop's gateway.

| module | does |
|---|---|
| \`src/server.ts\` | HTTP front: \`POST /checkout\`, \`GET /health\` |
| \`src/pay.ts\` | talks to the payment provider |
| \`src/queue.ts\` | receipts and webhooks to be sent, with retries |
| \`src/session.ts\` | who is shopping, for how long |
| \`src/discount.ts\` | rules for vouchers |
| \`src/config.ts\` | settings from the environment |

\`\`\`sh
npm install
npm start
\`\`\`
`;

const PACKAGE = `{
  "name": "checkout",
  "version": "2.4.0",
  "private": true,
  "type": "module",
  "scripts": {
    "start": "node src/server.ts",
    "test": "node --test"
  },
  "engines": {
    "node": ">=22"
  }
}
`;

const CONFIG = `export interface Config {
  port: number;
  providerUrl: string;
  providerKey: string;
  sessionMinutes: number;
}

export function readConfig(env: Record<string, string | undefined>): Config {
  const providerKey = env['PAY_KEY'];
  if (providerKey === undefined) {
    throw new Error('PAY_KEY is not set');
  }
  return {
    port: Number(env['PORT'] ?? 8080),
    providerUrl: env['PAY_URL'] ?? 'https://pay.example.com/v2',
    providerKey,
    sessionMinutes: Number(env['SESSION_MINUTES'] ?? 30),
  };
}
`;

const PAY = `import type { Config } from './config.ts';

export interface Charge {
  orderId: string;
  amountCents: number;
  currency: 'EUR' | 'USD';
}

export interface Receipt {
  chargeId: string;
  orderId: string;
  paidAt: string;
}

export class PaymentRefused extends Error {
  constructor(
    readonly orderId: string,
    readonly reason: string,
  ) {
    super(\`payment for \${orderId} refused: \${reason}\`);
  }
}

/** Charges once per order: the provider drops a second request with the same key. */
export async function charge(config: Config, order: Charge): Promise<Receipt> {
  if (!Number.isInteger(order.amountCents) || order.amountCents <= 0) {
    throw new RangeError(\`amount of \${order.orderId} must be a positive number of cents\`);
  }
  const response = await fetch(\`\${config.providerUrl}/charges\`, {
    method: 'POST',
    headers: {
      authorization: \`Bearer \${config.providerKey}\`,
      'content-type': 'application/json',
      'idempotency-key': order.orderId,
    },
    body: JSON.stringify(order),
  });
  if (!response.ok) {
    throw new PaymentRefused(order.orderId, await response.text());
  }
  const { id, paidAt } = (await response.json()) as { id: string; paidAt: string };
  return { chargeId: id, orderId: order.orderId, paidAt };
}
`;

const QUEUE = `export interface Job {
  id: string;
  kind: 'receipt' | 'webhook';
  payload: unknown;
  attempts: number;
}

export type Deliver = (job: Job) => Promise<void>;

const MAX_ATTEMPTS = 5;

/** First in, first out; a failed job goes to the back until its attempts are spent. */
export class Queue {
  private readonly jobs: Job[] = [];
  private readonly dead: Job[] = [];

  constructor(private readonly deliver: Deliver) {}

  push(job: Omit<Job, 'attempts'>): void {
    this.jobs.push({ ...job, attempts: 0 });
  }

  get size(): number {
    return this.jobs.length;
  }

  get failed(): readonly Job[] {
    return this.dead;
  }

  /** Delivers everything that is queued now. */
  async drain(): Promise<void> {
    for (const job of this.jobs.splice(0)) {
      try {
        await this.deliver(job);
      } catch (error) {
        this.retry(job, error);
      }
    }
  }

  private retry(job: Job, error: unknown): void {
    const attempts = job.attempts + 1;
    if (attempts >= MAX_ATTEMPTS) {
      this.dead.push({ ...job, attempts });
      process.emitWarning(\`job \${job.id} given up after \${attempts} attempts: \${String(error)}\`);
      return;
    }
    this.jobs.push({ ...job, attempts });
  }
}
`;

const SESSION = `import { randomUUID } from 'node:crypto';

export interface Session {
  id: string;
  customer: string;
  expiresAt: number;
}

const sessions = new Map<string, Session>();

export function openSession(customer: string, minutes: number, now: number): Session {
  const session = { id: randomUUID(), customer, expiresAt: now + minutes * 60_000 };
  sessions.set(session.id, session);
  return session;
}

export function findSession(id: string, now: number): Session | undefined {
  const session = sessions.get(id);
  if (session === undefined) {
    return undefined;
  }
  if (session.expiresAt <= now) {
    sessions.delete(id);
    return undefined;
  }
  return session;
}

export function closeSession(id: string): void {
  sessions.delete(id);
}
`;

const DISCOUNT = `export interface Voucher {
  code: string;
  percent: number;
  minimumCents: number;
}

const VOUCHERS: readonly Voucher[] = [
  { code: 'WELCOME10', percent: 10, minimumCents: 2_000 },
  { code: 'SPRING15', percent: 15, minimumCents: 5_000 },
];

/** Cents to be paid, never below one. */
export function applyVoucher(amountCents: number, code: string): number {
  const voucher = VOUCHERS.find((candidate) => candidate.code === code.trim().toUpperCase());
  if (voucher === undefined || amountCents < voucher.minimumCents) {
    return amountCents;
  }
  return Math.max(1, Math.round(amountCents * (1 - voucher.percent / 100)));
}
`;

const SERVER = `import { createServer } from 'node:http';
import { readConfig } from './config.ts';
import { applyVoucher } from './discount.ts';
import { charge } from './pay.ts';
import { Queue } from './queue.ts';
import { findSession } from './session.ts';

const config = readConfig(process.env);
const receipts = new Queue(async (job) => {
  await fetch('http://mailer.internal/send', { method: 'POST', body: JSON.stringify(job.payload) });
});

interface CheckoutRequest {
  sessionId: string;
  orderId: string;
  amountCents: number;
  voucher?: string;
}

async function checkout(request: CheckoutRequest): Promise<{ status: number; body: unknown }> {
  const session = findSession(request.sessionId, Date.now());
  if (session === undefined) {
    return { status: 401, body: { error: 'session expired' } };
  }
  const amountCents = applyVoucher(request.amountCents, request.voucher ?? '');
  const receipt = await charge(config, { orderId: request.orderId, amountCents, currency: 'EUR' });
  receipts.push({ id: receipt.chargeId, kind: 'receipt', payload: { to: session.customer, receipt } });
  return { status: 200, body: receipt };
}

const server = createServer((request, response) => {
  if (request.url === '/health') {
    response.end('ok');
    return;
  }
  let text = '';
  request.setEncoding('utf8');
  request.on('data', (chunk: string) => (text += chunk));
  request.on('end', () => {
    checkout(JSON.parse(text) as CheckoutRequest).then(
      ({ status, body }) => response.writeHead(status).end(JSON.stringify(body)),
      () => response.writeHead(502).end(),
    );
  });
});

server.listen(config.port);
`;

const LEGACY = `// Rates before the provider computed tax itself. Kept until the last old invoice is closed.
export const LEGACY_TAX_PERCENT = { AT: 20, BE: 21, DE: 19, FR: 20, NL: 21 };

export function legacyTax(amountCents, country) {
  const percent = LEGACY_TAX_PERCENT[country] ?? 0;
  return Math.round((amountCents * percent) / 100);
}
`;

/** @type {Record<string, string>} */
export const COMMITTED = {
  '.gitignore': 'node_modules/\n.env\n',
  'README.md': README,
  'package.json': PACKAGE,
  'src/config.ts': CONFIG,
  'src/discount.ts': DISCOUNT,
  'src/legacy-tax.js': LEGACY,
  'src/pay.ts': PAY,
  'src/queue.ts': QUEUE,
  'src/server.ts': SERVER,
  'src/session.ts': SESSION,
};
