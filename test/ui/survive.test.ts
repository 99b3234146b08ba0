import assert from 'node:assert/strict';
import { scriptedModelConfig } from '../fakes/model/config.ts';
import { startFakeModel, type FakeModel } from '../fakes/model/server.ts';
import { says } from '../fakes/model/steps.ts';
import { waitUntilGone } from '../rig/leftovers.mjs';
import { chooseCut, type Cut, CutAnswer, sequence } from './support/cut-answer.ts';
import { ENGINE_MS, Shell, WORKBENCH_MS } from './support/shell.ts';

/** A busy server must outlive the start of an extension host, on a machine with more to do, s. */
const BUSY_GRACE_S = 90;
/** Short enough to wait for, s. */
const SHORT_GRACE_S = 10;
/** After the grace, until the whole tree is gone: dispose, 5 s of asking, the kill. */
const END_MS = 10_000;
/** The long form takes each of these many times, at places of its own; its seed is said, and can be given again. */
const REPEAT = Number(process.env['HOLDFAST_REPEAT'] ?? 1);
const SEED = Number(process.env['HOLDFAST_SEED'] ?? (REPEAT === 1 ? 1 : Date.now() % 1_000_000));

describe('A running turn', function () {
  this.timeout(240_000);
  const random = sequence(SEED);
  const answers = new Map<string, CutAnswer>();
  const times = [...Array.from({ length: REPEAT }).keys()].map((index) => index + 1);
  let model: FakeModel;
  let shell: Shell;
  /** Windows that went away so far and came back, each in a turn of its own. */
  let gone = 0;

  before(async () => {
    if (REPEAT > 1) process.stdout.write(`    seed ${SEED}: run again with HOLDFAST_SEED=${SEED}\n`);
    model = await startFakeModel(({ prompt }) => {
      const answer = answers.get(prompt);
      return answer && says(...answer.steps);
    });
    shell = await Shell.open({
      settings: {
        'holdfast.model': 'scripted/scripted',
        'holdfast.engine.busyGrace': BUSY_GRACE_S,
        'holdfast.engine.idleGrace': 2,
      },
      engineConfig: scriptedModelConfig(model.baseUrl),
    });
    await shell.newSession();
  });
  after(async () => {
    await shell.close();
    await model.stop();
  });

  /** Sends a prompt and lets its answer come up to a gate. */
  async function begin(prompt: string, gates: number): Promise<CutAnswer> {
    const answer = new CutAnswer(prompt);
    answers.set(prompt, answer);
    await shell.send(prompt);
    release(answer, gates);
    await shell.said(answer.upTo(gates)).waitFor({ timeout: ENGINE_MS });
    return answer;
  }

  const release = (answer: CutAnswer, gates: number): void => {
    for (const gate of answer.gates.slice(0, gates)) model.release(gate);
  };

  /** Takes a window away in the middle of a turn, and looks at what becomes of it. */
  async function survives(prompt: string, { before, away }: Cut, leave: () => unknown): Promise<void> {
    const answer = await begin(prompt, before);
    const servers = shell.servers();
    assert.equal(servers.length, 1);
    const left = leave();
    release(answer, away);
    await left;
    // What was said while nobody listened is known once the engine tells it whole.
    await shell.said(answer.upTo(before)).waitFor({ timeout: ENGINE_MS });
    gone += 1;
    await shell.picture(`${prompt.replace(/\W+/g, '-').toLowerCase()}-mid-turn`);
    release(answer, answer.gates.length);
    await shell.said(answer.whole, { exact: true }).waitFor({ timeout: ENGINE_MS });
    await shell.panel.locator('.prompt-send').waitFor({ timeout: ENGINE_MS });
    assert.deepEqual(shell.servers(), servers, 'the same server and no other');
    assert.equal(model.requests.filter((request) => request.prompt === prompt).length, 1);
    assert.deepEqual(
      shell.outcomes(prompt),
      Array.from({ length: gone }, (_, index) => `t${index + 1} ok`),
    );
    const seqs = shell.journal(prompt).map(({ seq }) => seq);
    assert.deepEqual(
      seqs,
      seqs.map((_, index) => index + 1),
      'nothing is missing in the journal, and nothing there twice',
    );
    assert.equal(await shell.tabs.count(), 1, 'one panel, once');
  }

  async function reloadAtRest(): Promise<void> {
    await shell.workbench.reload();
    // The editor brings back the tabs that it had put on disk, which may be those of a moment before.
    await shell.workbench.runCommand('Holdfast: Show Panel');
    await shell.panel.locator('.prompt-send').waitFor({ timeout: ENGINE_MS });
  }

  const named = (title: string, time: number): string => (REPEAT === 1 ? title : `${title} (${time})`);

  for (const time of times) {
    it(
      named('goes on through Developer: Reload Window: same server, one model request, the whole text', time),
      () => survives(`Reload ${time}`, chooseCut(random), () => shell.workbench.reload()),
    );
  }

  for (const time of times) {
    it(
      named(
        'T-06: goes on when the extension host is killed: same server, one model request, the whole text',
        time,
      ),
      async () => {
        // The editor starts no extension host again that died three times within five minutes of a page.
        if (time > 1) await reloadAtRest();
        await survives(`Crash ${time}`, chooseCut(random), () =>
          process.kill(shell.extensionHost(), 'SIGKILL'),
        );
      },
    );
  }

  it('is shown again, once and with what was typed, when its panel was out of sight as the extension host died', async () => {
    const answer = await begin('Hidden', 1);
    await shell.panel.locator('.prompt-text').fill('half a sentence');
    await shell.kept('half a sentence');
    await shell.workbench.openFile('src/session.ts');
    await shell.workbench.page.locator('iframe.webview').waitFor({ state: 'hidden', timeout: WORKBENCH_MS });
    process.kill(shell.extensionHost(), 'SIGKILL');
    await shell.tabs.click();
    release(answer, answer.gates.length);
    // The page that nobody has any more cannot show this.
    await shell.said(answer.whole, { exact: true }).waitFor({ timeout: ENGINE_MS });
    assert.equal(await shell.panel.locator('.prompt-text').inputValue(), 'half a sentence');
    assert.equal(await shell.tabs.count(), 1, 'one panel, once');
  });

  it('leaves no process once its window is gone for longer than the grace', async () => {
    shell.workbench.changeSettings({ ...shell.settings, 'holdfast.engine.busyGrace': SHORT_GRACE_S });
    // A server hears of it from a window that comes.
    await reloadAtRest();
    await begin('Away', 0);
    await shell.workbench.page.goto('about:blank');
    const ours = (): ReturnType<typeof shell.processes> =>
      shell.processes().filter(({ command }) => /opencode|guardian/.test(command));
    assert.notEqual(ours().length, 0);
    const host = shell.extensionHost();
    if (shell.processes().some(({ pid }) => pid === host)) process.kill(host, 'SIGKILL');
    assert.deepEqual(await waitUntilGone(ours, SHORT_GRACE_S * 1000 + END_MS), []);
  });
});
