import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { engineBinary } from '../engine/support/engine-process.ts';
import { start } from './support/command.ts';
import { openPlace, type Place } from './support/place.ts';

describe('holdfast on storage that cannot be written', () => {
  let place: Place;
  before(async () => {
    place = await openPlace();
  });
  after(() => place.close());

  for (const args of [
    ['run', 'hello', '--model', 'demo'],
    ['review', '--model', 'demo'],
  ]) {
    it(`${args[0]} ends with 1 and a sentence that names it; nothing is started`, async () => {
      const storage = join(place.root, 'in-the-way');
      writeFileSync(storage, '');
      const command = start(place, {
        args: [...args, '--journal', storage, '--engine-path', engineBinary()],
      });
      assert.equal(await command.code, 1);
      assert.equal(command.stdout(), '');
      const [said, hint, ...more] = command.stderr().trimEnd().split('\n');
      assert.ok(said?.startsWith(`holdfast: The journal in ${storage}`) === true, String(said));
      assert.match(
        said,
        / cannot be written: something else is in its place\. Move that away and try again\.$/,
      );
      assert.match(hint ?? '', /^hint +name another folder for journals with --journal$/);
      assert.deepEqual(more, []);
      assert.deepEqual(place.processes(), []);
    });
  }
});
