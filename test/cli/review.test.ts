import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseRecord } from '../../src/core/journal/record.ts';
import { engineBinary, startEngine } from '../engine/support/engine-process.ts';
import { scriptedModelConfig } from '../fakes/model/config.ts';
import { answers, says, text, tool } from '../fakes/model/steps.ts';
import { runFolder, start, startWithEngine } from './support/command.ts';
import { findingsAnswer, openPlace, type Place, PLANTED } from './support/place.ts';

describe('holdfast review', () => {
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

  it('prints the planted defects where they stand, writes the report, and ends with 0', async () => {
    place.model.script(() => says(answers(findingsAnswer())));
    const report = join(place.root, 'report.md');
    const review = startWithEngine(place, ['review', '--report', report]);
    assert.equal(await review.code, 0, review.stderr());
    for (const { file, line, title } of PLANTED) {
      assert.ok(review.stdout().includes(`high  ${file}:${line}  ${title}`), review.stdout());
      assert.ok(readFileSync(report, 'utf8').includes(title));
    }
    assert.match(review.stdout(), /^2 findings · 2 files reviewed\n/);
    assert.match(review.stderr(), /^scope +Uncommitted changes on main · 2 files, \+5 −1$/m);
    assert.match(review.stderr(), /^server +opencode \d\S+ ready \(\d+\.\d s\)$/m);
    assert.match(review.stderr(), /^done +2 findings · 0:\d\d · \S+ tokens$/m);
    assert.ok(!`${review.stdout()}${review.stderr()}`.includes('\u001b'), 'colour went into a pipe');
  });

  it('--json prints exactly the records of the journal, one a line', async () => {
    place.model.script(() => says(answers(findingsAnswer())));
    const review = startWithEngine(place, ['review', '--json']);
    assert.equal(await review.code, 0, review.stderr());
    const journal = join(await runFolder(review), 'journal-000001.jsonl');
    assert.equal(review.stdout(), readFileSync(journal, 'utf8'));
    const kinds = review
      .stdout()
      .trimEnd()
      .split('\n')
      .map((line) => parseRecord(JSON.parse(line))?.kind);
    assert.ok(!kinds.includes(undefined));
    assert.equal(kinds[0], 'run-started');
    assert.ok(kinds.includes('findings') && kinds.includes('run-ended'));
    assert.match(review.stderr(), /^finding +high {2}src\/pay\.ts:3 {2}The customer is charged twice$/m);
  });

  it('C-20: an answer that does not fit is asked for once more, and then accepted', async () => {
    const wrong = findingsAnswer([{ ...PLANTED[0]!, anchor: 'this stands nowhere' }]);
    place.model.script(({ prompt }) =>
      says(answers(prompt.startsWith('Your answer could not be accepted') ? findingsAnswer() : wrong)),
    );
    const asked = place.model.requests.length;
    const review = startWithEngine(place, ['review']);
    assert.equal(await review.code, 0, review.stderr());
    assert.equal(place.model.requests.length - asked, 2, review.stdout() + review.stderr());
    assert.match(review.stderr(), /^check +the answer was not usable: .*anchor/m);
    assert.match(review.stdout(), /^2 findings/);
  });

  it('a model told to write a file cannot', async () => {
    const file = join(place.repo, 'planted.txt');
    place.model.script(({ step }) =>
      says(step === 0 ? tool('write', { filePath: file, content: 'x' }) : answers(findingsAnswer())),
    );
    const review = startWithEngine(place, ['review']);
    assert.equal(await review.code, 0, review.stderr());
    assert.equal(existsSync(file), false);
  });

  it('zero findings is a result', async () => {
    place.model.script(() => says(answers({ summary: 'Fine.', findings: [] })));
    const review = startWithEngine(place, ['review']);
    assert.equal(await review.code, 0, review.stderr());
    assert.match(review.stdout(), /^No findings · 2 files reviewed\n$/);
  });

  it('C-01: a model that never gives a usable answer ends with 2', async () => {
    place.model.script(() => says(text('I would rather talk about something else.')));
    const review = startWithEngine(place, ['review', '--report', join(place.root, 'none.md')]);
    assert.equal(await review.code, 2, review.stderr());
    assert.match(review.stderr(), /^partial +The model gave no answer in the asked-for form/m);
    assert.equal(existsSync(join(place.root, 'none.md')), false);
  });

  it('uses a server that was started by hand, and leaves it running', async () => {
    const engine = await startEngine({ config: scriptedModelConfig(place.model.baseUrl) });
    try {
      place.model.script(() => says(answers(findingsAnswer())));
      const args = ['review', '--attach', engine.baseUrl, '--journal', place.freshStorage()];
      const review = start(place, { args, env: { HOLDFAST_SERVER_PASSWORD: engine.password } });
      assert.equal(await review.code, 0, review.stderr());
      assert.match(review.stdout(), /^2 findings/);
      assert.doesNotThrow(() => process.kill(engine.pid, 0), 'the server was ended');
      const refused = start(place, { args: [...args.slice(0, -1), place.freshStorage()] });
      assert.equal(await refused.code, 3, refused.stderr());
      assert.match(refused.stderr(), /^failed +.*password/m);
    } finally {
      await engine.stop();
    }
  });

  it('says in one sentence that the engine is missing', async () => {
    const args = [
      'review',
      '--engine-path',
      join(place.root, 'no-such-engine'),
      '--journal',
      place.freshStorage(),
    ];
    const review = start(place, { args });
    assert.equal(await review.code, 1);
    assert.match(review.stderr(), /^failed +.*no-such-engine/m);
    assert.equal(review.stdout(), '');
  });

  it('says in one sentence that there is no repository, and leaves nothing behind', async () => {
    const folder = join(place.root, 'plain');
    mkdirSync(folder);
    const storage = place.freshStorage();
    const args = ['review', '--engine-path', engineBinary(), '--journal', storage];
    const review = start(place, { args, cwd: folder });
    assert.equal(await review.code, 1);
    assert.match(review.stderr(), /^holdfast: [^\n]*git repository[^\n]*\n$/);
    assert.equal(existsSync(storage), false);
  });

  it('C-20: without changes there is nothing to review, which is a result; no server is started', async () => {
    const folder = join(place.root, 'clean');
    execFileSync('git', ['init', '--quiet', folder]);
    const args = ['review', '--engine-path', '/no/engine', '--journal', place.freshStorage()];
    const review = start(place, { args, cwd: folder });
    assert.equal(await review.code, 0, review.stderr());
    assert.equal(review.stdout(), 'Nothing to review.\n');
  });

  it('says in one sentence that there is no model, and names --model', async () => {
    place.configure({ autoupdate: false, enabled_providers: ['none'] });
    try {
      const review = startWithEngine(place, ['review']);
      assert.equal(await review.code, 1, review.stderr());
      assert.match(review.stderr(), /^failed +No model is configured\./m);
      assert.match(review.stderr(), /^hint +.*--model provider\/model/m);
    } finally {
      place.configure(scriptedModelConfig(place.model.baseUrl));
    }
  });

  it('names a report that cannot be written before anything is started', async () => {
    const storage = place.freshStorage();
    const review = start(place, { args: ['review', '--report', place.root, '--journal', storage] });
    assert.equal(await review.code, 1);
    assert.match(review.stderr(), /^holdfast: The report cannot be written to .*: it is a folder\.\n$/);
    assert.equal(existsSync(storage), false);
  });
});
