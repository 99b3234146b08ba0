import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hang, hold, says, text, tool } from '../fakes/model/steps.ts';
import { type Running, start, startWithEngine } from './support/command.ts';
import { leadsGroup } from '../rig/leftovers.mjs';
import { openPlace, type Place } from './support/place.ts';

describe('commands at the same time', () => {
  let place: Place;
  let storage: string;
  before(async () => {
    place = await openPlace();
  });
  after(() => place.close());
  beforeEach(() => {
    storage = place.freshStorage();
  });
  afterEach(async () => {
    const living = place.processes();
    assert.deepEqual(living.length === 0 ? [] : place.endLeftovers(), [], 'a process outlived the commands');
    await place.gone();
  });

  const servers = (): number[] =>
    place
      .processes()
      .flatMap(({ pid, command }) => (command.includes(' serve ') && leadsGroup(pid) ? [pid] : []));

  /** A run whose model has begun to answer and waits at the gate of its prompt's name. */
  async function midTurn(prompt: string, env: Readonly<Record<string, string>> = {}): Promise<Running> {
    const running = startWithEngine(place, ['run', prompt], { storage, env });
    await Promise.race([place.model.reached(prompt), running.code.then(() => assert.fail(running.stderr()))]);
    return running;
  }

  it('share one server; the first to end leaves it to the other, and the last ends it', async () => {
    place.model.script({
      one: says(text('First '), hold('one'), text('done.')),
      two: says(text('Second '), hold('two'), text('done.')),
    });
    const first = await midTurn('one');
    const second = await midTurn('two');
    assert.equal(servers().length, 1);
    place.model.release('one');
    assert.equal(await first.code, 0, first.stderr());
    assert.equal(servers().length, 1, 'the other one goes on');
    place.model.release('two');
    assert.equal(await second.code, 0, second.stderr());
    assert.equal(first.stdout(), 'First done.\n');
    assert.equal(second.stdout(), 'Second done.\n');
    assert.deepEqual(servers(), []);
  });

  it('a second SIGINT to the one that started the server does not end the turn of the other', async () => {
    place.model.script({
      wait: says(tool('bash', { command: 'exec sleep 300', description: 'Wait' })),
      other: says(text('Other '), hold('other'), text('done.')),
    });
    const first = startWithEngine(place, ['run', 'wait', '--json'], { storage });
    await first.said(/"status":"running"/);
    const second = await midTurn('other');
    first.child.kill('SIGINT');
    await first.said(/^stopping/m);
    first.child.kill('SIGINT');
    assert.equal(await first.code, 130, first.stderr());
    assert.equal(servers().length, 1);
    place.model.release('other');
    assert.equal(await second.code, 0, second.stderr());
    assert.equal(second.stdout(), 'Other done.\n');
  });

  it('a second SIGINT ends at once also a server that a command before it had started', async () => {
    place.model.script({
      dies: says(text('Begun.'), hold('dies'), hang()),
      wait: says(tool('bash', { command: 'exec sleep 300', description: 'Wait' })),
    });
    // It would keep the server for longer than the test.
    const first = await midTurn('dies', { HOLDFAST_ENGINE_BUSY_GRACE: '600' });
    first.child.kill('SIGKILL');
    await assert.rejects(first.code, /SIGKILL/);
    const second = startWithEngine(place, ['run', 'wait', '--json'], { storage });
    await second.said(/"status":"running"/);
    assert.equal(servers().length, 1);
    second.child.kill('SIGINT');
    await second.said(/^stopping/m);
    second.child.kill('SIGINT');
    assert.equal(await second.code, 130, second.stderr());
    assert.deepEqual(place.processes(), []);
  });

  it('another model shares the server; another engine is refused with what to do', async () => {
    place.model.script({ kept: says(text('First '), hold('kept'), text('done.')) });
    const first = await midTurn('kept');
    const engine = join(place.root, 'other-engine');
    writeFileSync(engine, `#!/bin/sh\nexec "${place.env['HOLDFAST_TEST_ENGINE']}" "$@"\n`);
    chmodSync(engine, 0o755);
    const args = ['run', 'hello', '--engine-path', engine, '--journal', storage];
    const refused = start(place, { args });
    assert.equal(await refused.code, 3, refused.stderr());
    assert.match(
      refused.stderr(),
      /^failed +Another window uses a server with other settings\. .*the same engine path/m,
    );
    const unknown = startWithEngine(place, ['run', 'hello', '--model', 'test/none'], { storage });
    await unknown.code;
    assert.match(unknown.stderr(), /^server +opencode \S+ ready/m);
    assert.equal(servers().length, 1);
    place.model.release('kept');
    assert.equal(await first.code, 0, first.stderr());
  });
});
