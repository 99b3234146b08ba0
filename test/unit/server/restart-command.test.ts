import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { StartError } from '../../../src/core/errors.ts';
import { systemClock } from '../../../src/node/clock.ts';
import { COMMAND_LIMIT_MS, restartCommand } from '../../../src/node/server/restart-command.ts';
import { FakeClock } from '../../fakes/server/fake-clock.ts';

function make(command: string, clock = systemClock) {
  const lines: string[] = [];
  const log = { info: (line: string) => void lines.push(line) };
  return { run: restartCommand({ command, env: process.env, clock, log }), lines };
}

describe('the restart command of an attached server', () => {
  it('is run by a shell in the home folder, and its output goes to the log', async () => {
    const { run, lines } = make('pwd && echo "to the log" >&2');
    await run();
    assert.deepEqual(lines.toSorted(), [`restart command: ${homedir()}`, 'restart command: to the log']);
  });

  it('that fails is told with its code and its last line, the rest of its output kept', async () => {
    const { run } = make('echo first; echo "Unit opencode.service not found." >&2; exit 5');
    await assert.rejects(run(), (error: StartError) => {
      assert.equal(
        error.message,
        'The restart command ended with code 5. Its last line: Unit opencode.service not found.',
      );
      assert.match(error.stderrTail, /first/);
      return error instanceof StartError;
    });
  });

  it('that does not exist is told in the words of the shell', async () => {
    const { run } = make('/nowhere/restart-it');
    await assert.rejects(run(), /ended with code 127\. Its last line: .*\/nowhere\/restart-it/);
  });

  it('without a shell to run it is told as such', async () => {
    const run = restartCommand({
      command: 'true',
      env: { ...process.env, SHELL: '/nowhere/shell' },
      clock: systemClock,
      log: { info: () => undefined },
    });
    await assert.rejects(run(), /could not be run: .*ENOENT/);
    await assert.rejects(run(), /could not be run/, 'and can be tried again');
  });

  it('that starts something in the background is over when it is, and leaves that alone', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-restart-'));
    const file = join(folder, 'pid');
    // The background process holds the output open, as a server would.
    const { run } = make(`sleep 30 & echo $! > ${file}`);
    try {
      await run();
      const pid = Number(readFileSync(file, 'utf8'));
      assert.doesNotThrow(() => process.kill(pid, 0), 'S-10: it still runs');
      process.kill(pid, 'SIGKILL');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  describe('that does not end', () => {
    let gate: Server;
    let connected: Promise<unknown[]>;
    let command: string;

    // The command says that it runs, and ends when it is let.
    beforeEach(async () => {
      gate = createServer().listen(0, '127.0.0.1');
      await once(gate, 'listening');
      connected = once(gate, 'connection');
      const { port } = gate.address() as { port: number };
      const program = `require('node:net').connect(${port}, '127.0.0.1').on('close', () => process.exit(0)).resume()`;
      command = `exec '${process.execPath}' -e "${program}"`;
    });
    afterEach(() => new Promise<void>((resolve) => void gate.close(() => resolve())));

    it('S-10: is waited for 60 s, then left alone, and no second one is run meanwhile', async () => {
      const clock = new FakeClock();
      const { run } = make(command, clock);
      const waiting = assert.rejects(run(), /has not ended within 60 s and is left running \(process \d+\)/);
      const [socket] = (await connected) as [Socket];
      clock.advance(COMMAND_LIMIT_MS);
      await waiting;
      await assert.rejects(run(), /of before has not ended yet \(process \d+\)/);
      assert.equal(socket.destroyed, false, 'it still runs');
      socket.destroy();
    });
  });
});
