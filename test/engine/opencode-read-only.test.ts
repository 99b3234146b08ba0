import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AskEvent, EngineEvent } from '../../src/core/engine.ts';
import { parseAnswer } from '../../src/core/review/answer.ts';
import { addedFileDiff } from '../../src/core/review/diff.ts';
import { inspectPrompt } from '../../src/core/review/prompt.ts';
import { READ_ONLY_PERMISSIONS } from '../../src/engines/opencode/permissions.ts';
import { answers, says, text, tool, type Step } from '../fakes/model/steps.ts';
import { startBench, type Bench, type Turn } from './support/bench.ts';

const isAsk = (event: EngineEvent): event is AskEvent => event.type === 'ask';

describe('an agent that may only read', function () {
  this.timeout(120_000);
  let bench: Bench;
  let workspace: string;

  before(async () => {
    // The user's own configuration allows everything: the session's rules must win over it.
    bench = await startBench({
      permission: { '*': 'allow', bash: 'ask' },
      agent: { build: { permission: { edit: 'allow', task: 'allow', external_directory: 'allow' } } },
    });
    workspace = bench.engine.directory;
    mkdirSync(join(workspace, 'src'));
    writeFileSync(join(workspace, 'src', 'a.txt'), 'alpha needle\n');
    writeFileSync(join(workspace, '.env'), 'KEY=hidden\n');
    writeFileSync(join(workspace, '.env.example'), 'KEY=\n');
    writeFileSync(join(workspace, '..', 'outside.txt'), 'outside\n');
  });
  after(() => bench.stop());

  async function turn(step: Step): Promise<Turn> {
    const session = await bench.client.createSession({ title: 'review', permission: READ_ONLY_PERMISSIONS });
    bench.model.script({ go: [says(step), says(text('Done.'))] });
    return bench.turn(session.id, bench.prompt('go'));
  }

  const attempts: Record<string, (folder: string) => Step> = {
    write: (folder) => tool('write', { filePath: join(folder, 'new.txt'), content: 'x' }),
    edit: (folder) =>
      tool('edit', { filePath: join(folder, 'src', 'a.txt'), oldString: 'alpha', newString: 'omega' }),
    apply_patch: () =>
      tool('apply_patch', { patchText: '*** Begin Patch\n*** Add File: new.txt\n+x\n*** End Patch' }),
    bash: () => tool('bash', { command: 'touch new.txt', description: 'x' }),
    webfetch: () => tool('webfetch', { url: 'http://127.0.0.1:9/', format: 'text' }),
  };
  for (const [name, step] of Object.entries(attempts)) {
    it(`told to use ${name} cannot: it is not offered, and a call of it does nothing`, async () => {
      const { tools, texts, events } = await turn(step(workspace));
      assert.deepEqual([tools.length, tools[0]?.status], [1, 'error']);
      assert.equal(existsSync(join(workspace, 'new.txt')), false);
      assert.equal(readFileSync(join(workspace, 'src', 'a.txt'), 'utf8'), 'alpha needle\n');
      // Nobody is asked: a review runs unattended.
      assert.deepEqual(events.filter(isAsk), []);
      assert.deepEqual(texts, ['Done.']);
    });
  }

  it('told to write a file through a sub-agent cannot start one', async () => {
    const before = bench.model.requests.length;
    const { tools } = await turn(
      tool('task', { description: 'x', prompt: 'write new.txt', subagent_type: 'general' }),
    );
    assert.deepEqual(
      [tools[0]?.tool, tools[0]?.status, tools[0]?.childSessionId],
      ['task', 'error', undefined],
    );
    assert.deepEqual(
      bench.model.requests.slice(before).filter((request) => request.prompt !== 'go'),
      [],
    );
    assert.equal(existsSync(join(workspace, 'new.txt')), false);
  });

  it('cannot run a command that the user always allows elsewhere on the same server', async () => {
    const open = await bench.client.createSession({ title: 'open' });
    bench.model.script({
      go: [says(tool('bash', { command: 'touch granted.txt', description: 'x' })), says(text('Done.'))],
    });
    const from = bench.events.length;
    await bench.client.send(open.id, bench.prompt('go'));
    const { ask } = await bench.until(isAsk, from);
    await bench.client.answer(ask, { type: 'permission', reply: 'always' });
    await bench.settled(open.id, from);
    assert.equal(existsSync(join(workspace, 'granted.txt')), true);
    const { tools } = await turn(tool('bash', { command: 'touch new.txt', description: 'x' }));
    assert.equal(tools[0]?.status, 'error');
    assert.equal(existsSync(join(workspace, 'new.txt')), false);
  });

  it('R-08: is offered what reads and nothing else', async () => {
    const before = bench.model.requests.length;
    await turn(text('Nothing to do.'));
    assert.deepEqual([...bench.model.requests[before]!.tools].sort(), ['glob', 'grep', 'read', 'todowrite']);
  });

  it('can read, search and find files of the workspace', async () => {
    const read = await turn(tool('read', { filePath: join(workspace, 'src', 'a.txt') }));
    assert.match(read.tools[0]?.output ?? '', /alpha needle/);
    const found = await turn(tool('grep', { pattern: 'needle' }));
    assert.match(found.tools[0]?.output ?? '', /src\/a\.txt/);
    const files = await turn(tool('glob', { pattern: 'src/*' }));
    assert.match(files.tools[0]?.output ?? '', /src\/a\.txt/);
  });

  it('cannot read outside of the workspace, nor files of secrets, and nobody is asked', async () => {
    const outside = await turn(tool('read', { filePath: join(workspace, '..', 'outside.txt') }));
    const searched = await turn(tool('grep', { pattern: 'outside', path: join(workspace, '..') }));
    const secret = await turn(tool('read', { filePath: join(workspace, '.env') }));
    for (const { tools, events } of [outside, searched, secret]) {
      assert.equal(tools[0]?.status, 'error');
      assert.deepEqual(events.filter(isAsk), []);
    }
    const example = await turn(tool('read', { filePath: join(workspace, '.env.example') }));
    assert.equal(example.tools[0]?.status, 'completed');
  });

  it("a review's session stays readable", async () => {
    const scope = { target: 'uncommitted', title: 'Changes', root: workspace, files: [], skipped: [] };
    const diff = addedFileDiff('src/a.txt', 'alpha needle\n', '100644');
    const prompt = bench.prompt(inspectPrompt({ scope, diff }));
    const answer = { summary: 'Fine.', findings: [] };
    bench.model.script(() => says(answers(answer)));
    const session = await bench.client.createSession({ title: 'review', permission: READ_ONLY_PERMISSIONS });
    const told = await bench.turn(session.id, prompt);
    assert.equal(await bench.client.lookUp(session.id, prompt), 'stored');
    const { status, events } = await bench.client.snapshot(session.id);
    assert.equal(status.type, 'idle');
    const texts = events.flatMap((e) => (e.type === 'part' && e.part.type === 'text' ? [e.part.text] : []));
    assert.deepEqual(texts, [prompt.text, ...told.texts]);
    assert.deepEqual(parseAnswer(texts.at(-1)!), { ok: true, answer });
    assert.deepEqual(
      told.answers.map(({ finish, error }) => [finish, error]),
      [['stop', undefined]],
    );
    assert.equal(bench.model.requests.filter(({ sessionId }) => sessionId === session.id).length, 1);
  });
});
