import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { scriptedModelConfig } from '../fakes/model/config.ts';
import { startFakeModel, type FakeModel } from '../fakes/model/server.ts';
import { says, text, tool } from '../fakes/model/steps.ts';
import { ask, prepareOwned, startOwned, toolOutput } from './support/owned-engine.ts';
import type { OwnedEngine, OwnedServer } from './support/owned-engine.ts';

const KEY = 'an-api-key-that-nobody-else-has';
const CANARY = 'a-canary-that-is-to-be-found';
/** `nobody`, for a test that must not have root's powers. */
const ORDINARY_USER = process.getuid?.() === 0 ? 65_534 : undefined;

interface Providers {
  scripted: { options: { apiKey: string } };
}

/** Finds the word and does not contain it, so that the search does not find itself. */
const pattern = (word: string) => `[${word[0]}]${word.slice(1)}`;

/** A shell script that names every place of a word that it can read: `<word's name> <place>`, one a line. */
function search(words: Readonly<Record<string, string>>, folder: string): string {
  const each = Object.entries(words).map(([name, word]) => {
    const grep = `grep -aq -e '${pattern(word)}'`;
    return `
      env | ${grep} && echo '${name} env'
      for file in /proc/[0-9]*/environ /proc/[0-9]*/cmdline; do
        if ${grep} "$file"; then echo "${name} $(basename "$file")"; fi
      done
      grep -ral -e '${pattern(word)}' '${folder}' | sed 's!^!${name} file !'`;
  });
  return `exec 2>/dev/null; ${each.join('\n')}\ntrue`;
}

const bash = (command: string) => tool('bash', { command, description: 'look', timeout: 50_000 });
const lines = (output: string) => new Set(output.split('\n').filter((line) => line !== ''));

describe('the password of an owned server', function () {
  this.timeout(60_000);
  let model: FakeModel;
  let engine: OwnedEngine;
  let server: OwnedServer;

  async function start(config: Readonly<Record<string, unknown>> = {}, uid?: number): Promise<void> {
    const scripted = scriptedModelConfig(model.baseUrl, {
      permission: { bash: 'allow', external_directory: 'allow' },
      // Any child of the engine that is no shell of the agent: it leaves what it was given where the agent can look.
      mcp: { spy: { type: 'local', command: ['sh', '-c', 'env > given'], enabled: true } },
      ...config,
    });
    (scripted['provider'] as Providers).scripted.options.apiKey = KEY;
    engine = await prepareOwned({ config: scripted, env: { CANARY }, uid });
    server = await startOwned(engine, uid);
  }

  beforeEach(async () => (model = await startFakeModel()));
  afterEach(async () => {
    await server.end();
    await model.stop();
    await engine.remove();
  });

  it('S-11: an agent with a shell that looks everywhere does not find it, nor the keys of providers', async () => {
    await start();
    await writeFile(join(engine.root, 'home', 'note'), CANARY);
    const credentials = btoa(`opencode:${engine.password}`);
    const words = { password: engine.password, credentials, key: KEY, canary: CANARY };
    const command = search(words, engine.root);
    model.script({ look: [says(bash(command)), says(text('done'))] });
    const found = lines(await toolOutput(engine, server.baseUrl, 'look'));
    const expected = (directory: string) =>
      new Set([
        'canary env',
        'canary environ',
        ...[join(engine.root, 'home', 'note'), join(directory, 'given')].map((file) => `canary file ${file}`),
      ]);
    assert.deepEqual(found, expected(engine.directory), 'only the canary is found');
    // A second workspace has the engine read its configuration again.
    const other = join(engine.root, 'other');
    await mkdir(other);
    assert.deepEqual(
      lines(await toolOutput(engine, server.baseUrl, 'look', other)),
      new Set([...expected(engine.directory), ...expected(other)]),
    );
    for (const word of [engine.password, credentials, KEY]) assert.ok(!server.output().includes(word));
    assert.ok(!server.output().includes('[holdfast]'), server.output());
  });

  it('S-11: it is wanted all the same, and what the user has added to the engine still works', async () => {
    const programs = await prepareOwned({ config: {} });
    const plugin = join(programs.root, 'user plugin.mjs');
    await writeFile(
      plugin,
      `export const Mine = async ({ client }) => ({
        'shell.env': async (_, output) => {
          const { response } = await client.session.list();
          output.env.SEEN_BY_PLUGIN = String(response.status);
        },
      });`,
    );
    await start({ plugin: [pathToFileURL(plugin).href] });
    model.script({ seen: [says(bash('echo "$SEEN_BY_PLUGIN"')), says(text('done'))] });
    assert.equal((await toolOutput(engine, server.baseUrl, 'seen')).trim(), '200');
    await ask(engine, server.baseUrl, engine.directory, '/global/dispose', {});
    assert.equal((await toolOutput(engine, server.baseUrl, 'seen')).trim(), '200');
    assert.equal((await fetch(`${server.baseUrl}/path`)).status, 401);
    await programs.remove();
  });

  it("S-11: a user's switch against plugins does not bring it back", async () => {
    await start();
    await server.end();
    engine.spec = { ...engine.spec, env: { ...engine.spec.env, OPENCODE_PURE: '1' } };
    server = await startOwned(engine);
    const command = search({ password: engine.password, canary: CANARY }, engine.root);
    model.script({ look: [says(bash(command)), says(text('done'))] });
    assert.deepEqual(
      lines(await toolOutput(engine, server.baseUrl, 'look')),
      new Set(['canary env', 'canary environ', `canary file ${join(engine.directory, 'given')}`]),
    );
  });

  if (process.platform === 'linux') {
    it('S-11: an ordinary user cannot open the memory, environment or files of the server', async () => {
      await start({}, ORDINARY_USER);
      const at = `/proc/${server.pid}`;
      const command = `id -u
        for file in mem environ maps; do head -c 1 ${at}/$file >/dev/null 2>&1 && echo "can read $file"; done
        ls ${at}/fd >/dev/null 2>&1 && echo 'can list fd'
        head -c 1 /proc/$$/environ >/dev/null && echo 'can read its own'`;
      model.script({ look: [says(bash(command)), says(text('done'))] });
      const output = await toolOutput(engine, server.baseUrl, 'look');
      const user = String(ORDINARY_USER ?? process.getuid?.());
      assert.deepEqual(lines(output), new Set([user, 'can read its own']));
    });
  }
});
