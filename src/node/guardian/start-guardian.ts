import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock } from '../../core/clock.ts';
import { explain, StartError } from '../../core/errors.ts';
import { LineSplitter } from '../process/output.ts';
import { type Answer, AnswerSchema, type Order, parseLine } from './protocol.ts';

/** How long a guardian may take to spawn its server, ms. It does not wait until that is ready. */
const ANSWER_MS = 30_000;

/** What a guardian gets of our environment: where things are, and nothing that could be secret. */
const ENVIRONMENT = [
  'PATH',
  'HOME',
  'USERPROFILE',
  'TMPDIR',
  'TEMP',
  'TMP',
  'XDG_RUNTIME_DIR',
  'SystemRoot',
  'LANG',
  'LD_LIBRARY_PATH',
  'HOLDFAST_RIG_RUN',
];

/**
 * Starts a guardian of its own group and session, that lives on without us, and gives it its order.
 * @param program absolute path of its bundle
 * @throws StartError with its sentence when it could not start the server; it is gone then.
 */
export async function startGuardian(program: string, order: Order, clock: Clock): Promise<void> {
  const child = spawn(process.execPath, [program], {
    cwd: order.storage,
    env: guardianEnvironment(process.env),
    detached: true,
    windowsHide: true,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const answer = await answerOf(child, order, clock);
  child.stdin?.destroy();
  child.stdout?.destroy();
  child.unref();
  if (!answer.ok) throw new StartError(answer.message, '');
}

/** Electron runs our program, and not itself, when it is told so. */
export function guardianEnvironment(
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const passed = ENVIRONMENT.flatMap((name) => {
    const value = env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(passed), ELECTRON_RUN_AS_NODE: '1', UV_THREADPOOL_SIZE: '1' };
}

function answerOf(child: ChildProcess, order: Order, clock: Clock): Promise<Answer> {
  return new Promise((resolve) => {
    const fail = (why: string) => {
      cancel();
      resolve({ ok: false, message: `The server could not be started: its guardian ${why}.` });
    };
    const cancel = clock.setTimer(ANSWER_MS, () => {
      // It is ours and just started: its server goes with it.
      child.kill('SIGTERM');
      fail(`did not answer within ${ANSWER_MS / 1000} s`);
    });
    const lines = new LineSplitter((line) => {
      const answer = parseLine(AnswerSchema, line);
      if (answer === undefined) return;
      cancel();
      resolve(answer);
    });
    child.stdout?.on('data', (chunk: Buffer) => lines.push(chunk));
    child.once('error', (error) => fail(`cannot run (${explain(error)})`));
    // After what it said, if it said anything.
    child.once('close', (code, signal) => fail(`ended at once, ${signal ?? `exit code ${code}`}`));
    child.stdin?.on('error', () => {});
    child.stdin?.end(`${JSON.stringify(order)}\n`);
  });
}
