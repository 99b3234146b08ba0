import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { scriptedModelConfig } from '../fakes/model/config.ts';
import { fails, says, text, tool } from '../fakes/model/steps.ts';
import { runFolder, start, startWithEngine } from './support/command.ts';
import { openPlace, type Place } from './support/place.ts';

describe('holdfast run', () => {
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

  it('prints the last answer and nothing else', async () => {
    place.model.script({
      'what is in pay.ts': [
        says(text('I look.'), tool('read', { filePath: join(place.repo, 'src', 'pay.ts') })),
        says(text('One function: '), text('pay.')),
      ],
    });
    const run = startWithEngine(place, ['run', 'what is in pay.ts']);
    assert.equal(await run.code, 0, run.stderr());
    assert.equal(run.stdout(), 'One function: pay.\n');
    assert.match(run.stderr(), /^tool +Read src\/pay\.ts \(\d+\.\d s\)$/m);
    const replay = start(place, { args: ['replay', await runFolder(run)] });
    assert.equal(await replay.code, 0);
    assert.match(replay.stdout(), /^turn +t1 · what is in pay\.ts · 1 attempt · ok/m);
    assert.match(replay.stdout(), /^decisions: 2, differences: 0$/m);
  });

  it('without a terminal denies what is asked at once, and says so', async () => {
    place.configure(scriptedModelConfig(place.model.baseUrl, { permission: { bash: 'ask' } }));
    const file = join(place.repo, 'made-by-bash');
    place.model.script({
      'make a file': [
        says(tool('bash', { command: `touch ${file}`, description: 'x' })),
        says(text('Denied.')),
      ],
    });
    const run = startWithEngine(place, ['run', 'make a file']);
    await run.code;
    assert.equal(existsSync(file), false);
    assert.match(run.stderr(), /^asks +permission for bash: touch \S+$/m);
    assert.match(run.stderr(), /^note +there is no terminal to ask in/m);
    assert.match(run.stderr(), /^answer +denied$/m);
    place.configure(scriptedModelConfig(place.model.baseUrl));
  });

  it('R-09: a provider that refuses the sign-in ends it with 1 and a sentence', async () => {
    place.model.script(() => fails(401, 'key k-123 is bad'));
    const run = startWithEngine(place, ['run', 'hello']);
    assert.equal(await run.code, 1, run.stderr());
    assert.match(run.stderr(), /^failed +.*did not accept the sign-in/m);
    assert.doesNotMatch(run.stderr(), /k-123/);
  });

  it('C-08: a bad environment variable is named once, and its default used', async () => {
    place.model.script({ hello: says(text('Hello.')) });
    const args = [
      'run',
      'hello',
      '--engine-path',
      place.env['HOLDFAST_TEST_ENGINE']!,
      '--journal',
      place.freshStorage(),
    ];
    const run = start(place, { args, env: { HOLDFAST_STALL_TIMEOUT: '-3' } });
    assert.equal(await run.code, 0, run.stderr());
    assert.equal(run.stderr().match(/^setting .*HOLDFAST_STALL_TIMEOUT is "-3"/gm)?.length, 1);
  });
});
