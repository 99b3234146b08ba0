import assert from 'node:assert/strict';
import { answers, hold, says, text } from '../fakes/model/steps.ts';
import { type Running, runFolder, start, startWithEngine } from './support/command.ts';
import { findingsAnswer, openPlace, type Place } from './support/place.ts';

describe('a server that dies under a command', () => {
  let place: Place;
  before(async () => {
    place = await openPlace();
  });
  after(() => place.close());
  afterEach(async () => {
    const living = place.processes();
    assert.deepEqual(living.length === 0 ? [] : place.endLeftovers(), [], 'a process outlived the command');
    await place.gone();
  });

  /** Kills the server once the model has begun to answer; from then on the model says the whole at once. */
  async function killed(args: readonly string[], gate: string): Promise<Running> {
    place.model.script(() => says(text('Looking at it.'), hold(gate), answers(findingsAnswer())));
    const running = startWithEngine(place, args);
    await Promise.race([place.model.reached(gate), running.code.then(() => assert.fail(running.stderr()))]);
    const server = place.processes().find(({ command }) => command.includes(' serve '));
    assert.ok(server, 'no server was found');
    process.kill(server.pid, 'SIGKILL');
    place.model.release(gate);
    return running;
  }

  it('C-15: a review goes on at the step that was cut, says so, and ends with 0', async () => {
    const running = await killed(['review'], 'auto');
    assert.equal(await running.code, 0, running.stderr());
    assert.match(running.stderr(), /^incident +The server was killed \(SIGKILL, signal 9\)\.$/m);
    assert.match(running.stderr(), /^(replay|resume) .*\(1\/3\)\.$/m);
    assert.equal(running.stderr().match(/^attempt +2$/gm)?.length, 1);
    const replay = start(place, { args: ['replay', await runFolder(running)] });
    assert.equal(await replay.code, 0, replay.stderr());
    assert.match(replay.stdout(), /differences: 0$/m);
  });

  it('with --recovery ask and no terminal ends with 3, the question in the output', async () => {
    const running = await killed(['review', '--recovery', 'ask'], 'ask');
    assert.equal(await running.code, 3, running.stderr());
    assert.match(running.stderr(), /^ask +.*SIGKILL.*Recovery is set to ask first\.$/m);
    assert.match(running.stderr(), /could be asked nobody/);
  });

  it('another mode is refused with those that there are', async () => {
    const running = start(place, { args: ['run', 'hello', '--recovery', 'maybe'] });
    assert.equal(await running.code, 1);
    assert.match(running.stderr(), /--recovery must be auto, ask or off/);
  });
});
