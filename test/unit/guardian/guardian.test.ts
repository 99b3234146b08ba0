import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import type { ProcessEnd } from '../../../src/core/server/exit-text.ts';
import { EXIT_ASKED, EXIT_SERVER_DIED, Guardian } from '../../../src/node/guardian/guardian.ts';
import type { GuardianMessage } from '../../../src/node/guardian/protocol.ts';
import type { HostedProcess, Leftover } from '../../../src/node/process/process-host.ts';
import { FakeClock } from '../../fakes/server/fake-clock.ts';

const GRACES = { busyMs: 120_000, idleMs: 10_000 };
const TOOL: Leftover = { pid: 7, command: 'npm test', startedAt: 1 };

/** A server that ends when it is told to, or when the test says so. */
class FakeProcess implements Partial<HostedProcess> {
  readonly pid = 42;
  readonly others = { count: 0, busy: false };
  readonly leftovers = Promise.resolve([]);
  ready: (url: string) => void = () => {};
  exit: (end: ProcessEnd) => void = () => {};
  /** Outlives SIGKILL. */
  isStubborn = false;
  ends = 0;
  readonly readyLine = new Promise<RegExpExecArray>((resolve) => {
    this.ready = (url) => resolve(/at (\S+)( twice)?/.exec(`ready at ${url}`)!);
  });
  readonly exited = new Promise<ProcessEnd>((resolve) => (this.exit = resolve));
  tail = () => Promise.resolve('the tail');
  end(): Promise<'gone' | 'alive'> {
    this.ends += 1;
    if (this.isStubborn) return Promise.resolve('alive');
    this.exit({ signal: 'SIGTERM', stderrTail: '' });
    return Promise.resolve('gone');
  }
}

function bench({ leftovers = [] as Leftover[] } = {}) {
  const clock = new FakeClock();
  const server = new FakeProcess();
  const deeds: string[] = [];
  let code: number | undefined;
  let left = leftovers;
  const guardian = new Guardian(
    {
      clock,
      process: server as unknown as HostedProcess,
      dispose: async (url) => void deeds.push(`dispose ${url}`),
      findLeftovers: () => Promise.resolve(left),
      async endLeftovers(found) {
        for (const { pid } of found) deeds.push(`end tool ${pid}`);
        left = [];
      },
      onReady: (url) => void deeds.push(`ready ${url}`),
      onOver: async () => void deeds.push('over'),
      onDone: async () => void deeds.push('done'),
    },
    { flavour: 'plain', handover: 'the handover', graces: GRACES },
  );
  void guardian.done.then((exitCode) => (code = exitCode));
  return {
    clock,
    server,
    guardian,
    deeds,
    exitCode: async () => (await setImmediate(), code),
    join(graces = GRACES) {
      const heard: GuardianMessage[] = [];
      const seat = guardian.join({ graces, send: (message) => heard.push(message) });
      return { ...seat, heard, types: () => heard.map(({ type }) => type) };
    },
  };
}

describe('a guardian', () => {
  it('tells a client what it needs, and all of them when the server is ready', async () => {
    const { join, server, deeds } = bench();
    const early = join();
    server.ready('http://here');
    await setImmediate();
    const late = join();
    assert.deepEqual(early.heard[0], {
      type: 'welcome',
      phase: 'holding',
      flavour: 'plain',
      handover: 'the handover',
      pid: 42,
      others: { count: 0, busy: false },
    });
    const match = ['at http://here', 'http://here', null];
    assert.deepEqual(early.heard[1], { type: 'ready', match });
    assert.deepEqual(late.heard[0]?.type === 'welcome' && late.heard[0].ready, match);
    assert.deepEqual(deeds, ['ready http://here']);
    late.hear({ type: 'tail' });
    await setImmediate();
    assert.deepEqual(late.heard.at(-1), { type: 'tail', text: 'the tail' });
  });

  it('keeps a torn turn its grace, until one who came for it has finished it', async () => {
    const { join, clock, exitCode } = bench();
    const torn = join();
    torn.hear({ type: 'busy', busy: true });
    torn.leave();
    const visitor = join();
    visitor.leave();
    clock.advance(GRACES.idleMs);
    assert.equal(await exitCode(), undefined, 'a visitor shortens nothing');
    const heir = join();
    heir.hear({ type: 'busy', busy: true });
    heir.hear({ type: 'busy', busy: false });
    heir.leave();
    clock.advance(GRACES.idleMs);
    assert.equal(await exitCode(), 0, 'nobody has a turn any more');
  });

  it('tells its clients of each other, only what has changed', () => {
    const { join } = bench();
    const one = join();
    const two = join();
    two.hear({ type: 'busy', busy: true });
    two.hear({ type: 'busy', busy: true });
    one.hear({ type: 'busy', busy: false });
    two.leave();
    two.leave();
    assert.deepEqual(one.heard.slice(1), [
      { type: 'others', count: 1, busy: false },
      { type: 'others', count: 1, busy: true },
      { type: 'others', count: 0, busy: false },
    ]);
  });

  it('ends when nobody comes, and asks the server to end its work first', async () => {
    const { clock, server, deeds, exitCode } = bench({ leftovers: [TOOL] });
    server.ready('http://here');
    await setImmediate();
    clock.advance(GRACES.idleMs - 1);
    assert.equal(await exitCode(), undefined);
    clock.advance(1);
    assert.equal(await exitCode(), EXIT_ASKED);
    assert.deepEqual(deeds, ['ready http://here', 'dispose http://here', 'end tool 7', 'done']);
  });

  it('is kept for the idle grace after an idle client, for the busy one after a busy client', async () => {
    for (const busy of [false, true]) {
      const { clock, join, exitCode } = bench();
      const client = join();
      client.hear({ type: 'busy', busy: true });
      client.hear({ type: 'busy', busy });
      clock.advance(1_000_000);
      assert.equal(await exitCode(), undefined, 'never while a client is there');
      client.leave();
      clock.advance((busy ? GRACES.busyMs : GRACES.idleMs) - 1);
      assert.equal(await exitCode(), undefined);
      clock.advance(1);
      assert.equal(await exitCode(), EXIT_ASKED);
    }
  });

  it('goes on when a client comes back within its grace', async () => {
    const { clock, join, exitCode, server } = bench();
    const client = join();
    client.leave();
    clock.advance(GRACES.idleMs - 1);
    const again = join();
    clock.advance(1_000_000);
    assert.equal(await exitCode(), undefined);
    assert.equal(server.ends, 0);
    again.leave();
    clock.advance(GRACES.idleMs);
    assert.equal(await exitCode(), EXIT_ASKED);
  });

  it('keeps a torn turn for its whole grace, also when an idle client comes and goes meanwhile', async () => {
    const { clock, join, exitCode } = bench();
    const torn = join();
    torn.hear({ type: 'busy', busy: true });
    torn.leave();
    const visitor = join({ busyMs: 1, idleMs: 1 });
    visitor.leave();
    clock.advance(GRACES.busyMs - 1);
    assert.equal(await exitCode(), undefined);
    clock.advance(1);
    assert.equal(await exitCode(), EXIT_ASKED);
  });

  it('T-04: an end that was asked for is told once, as expected, whoever asks again', async () => {
    const { join, exitCode, guardian } = bench();
    const [one, two] = [join(), join()];
    one.hear({ type: 'end' });
    two.hear({ type: 'end' });
    void guardian.end();
    assert.equal(await exitCode(), EXIT_ASKED);
    for (const { heard } of [one, two]) {
      assert.deepEqual(
        heard.filter(({ type }) => type !== 'welcome' && type !== 'others'),
        [
          { type: 'exited', signal: 'SIGTERM', tail: '', expected: true },
          { type: 'leftovers', leftovers: [] },
          { type: 'ended', result: 'gone' },
        ],
      );
    }
    const late = join();
    assert.equal(late.heard[0]?.type === 'welcome' && late.heard[0].phase, 'ending');
  });

  it('T-05: tells all of its clients of a death at once, and ends itself with another code', async () => {
    const { join, exitCode, server, deeds } = bench();
    const [one, two] = [join(), join()];
    server.exit({ code: 3, stderrTail: 'why' });
    assert.equal(await exitCode(), EXIT_SERVER_DIED);
    for (const { heard } of [one, two])
      assert.deepEqual(
        heard.find(({ type }) => type === 'exited'),
        { type: 'exited', code: 3, tail: 'why', expected: false },
      );
    assert.deepEqual(deeds, ['over', 'done']);
  });

  it('stays for tools that outlived the server until a client ends them', async () => {
    const { join, exitCode, server, clock, deeds } = bench({ leftovers: [TOOL] });
    const client = join();
    server.exit({ signal: 'SIGKILL', stderrTail: '' });
    assert.equal(await exitCode(), undefined);
    assert.deepEqual(client.types(), ['welcome', 'exited', 'leftovers', 'ended']);
    const late = join();
    assert.equal(late.heard[0]?.type === 'welcome' && late.heard[0].phase, 'over');
    assert.deepEqual(late.types(), ['welcome', 'exited', 'leftovers']);
    clock.advance(GRACES.busyMs - 1);
    assert.equal(await exitCode(), undefined);
    late.hear({ type: 'end' });
    await setImmediate();
    assert.ok(!deeds.includes('end tool 7'), 'to end the server is not to end them');
    client.hear({ type: 'end-leftovers' });
    late.hear({ type: 'end-leftovers' });
    assert.equal(await exitCode(), EXIT_SERVER_DIED);
    assert.deepEqual(deeds, ['over', 'end tool 7', 'done']);
    assert.deepEqual(client.heard.at(-2), { type: 'leftovers', leftovers: [] });
  });

  it('ends tools that outlived the server after the busy grace when nobody says anything', async () => {
    const { exitCode, server, clock, deeds } = bench({ leftovers: [TOOL] });
    server.exit({ signal: 'SIGKILL', stderrTail: '' });
    await setImmediate();
    clock.advance(GRACES.busyMs - 1);
    assert.equal(await exitCode(), undefined);
    clock.advance(1);
    assert.equal(await exitCode(), EXIT_SERVER_DIED);
    assert.deepEqual(deeds, ['over', 'end tool 7', 'done']);
  });

  it('a server that outlives SIGKILL is told as alive, and tried again when nobody is there', async () => {
    const { join, exitCode, server, clock } = bench();
    server.isStubborn = true;
    const client = join();
    client.hear({ type: 'end' });
    await setImmediate();
    assert.deepEqual(client.heard.at(-1), { type: 'ended', result: 'alive' });
    server.isStubborn = false;
    client.leave();
    clock.advance(GRACES.idleMs);
    assert.equal(await exitCode(), EXIT_ASKED);
    assert.equal(server.ends, 2);
  });

  it('keeps no timer while a client is there and nothing happens', () => {
    const { join, clock } = bench();
    join();
    clock.advance(GRACES.idleMs);
    assert.equal(clock.timers, 0);
  });
});
