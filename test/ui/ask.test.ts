import assert from 'node:assert/strict';
import { scriptedModelConfig } from '../fakes/model/config.ts';
import { startFakeModel, type FakeModel } from '../fakes/model/server.ts';
import { hold, says, text, tool } from '../fakes/model/steps.ts';
import { ENGINE_MS, Shell, WORKBENCH_MS } from './support/shell.ts';

const echo = (words: string): ReturnType<typeof tool> =>
  tool('bash', { command: `echo ${words}`, description: 'Say something' });

describe('A turn in the workbench', function () {
  this.timeout(240_000);
  let model: FakeModel;
  let shell: Shell;
  before(async () => {
    model = await startFakeModel({
      first: [says(echo('one')), says(text('The first is done.'))],
      second: [says(hold('second'), echo('two')), says(text('The second is done.'))],
      third: says(text('It begins'), hold('never')),
    });
    shell = await Shell.open({
      settings: { 'holdfast.model': 'scripted/scripted', 'holdfast.recovery.mode': 'off' },
      engineConfig: scriptedModelConfig(model.baseUrl, { permission: { bash: 'ask' } }),
    });
  });
  after(async () => {
    await shell.close();
    await model.stop();
  });

  const send = async (prompt: string): Promise<void> => {
    // While a turn runs there is Stop in its place, and Enter keeps the words.
    await shell.panel.locator('.prompt-send').waitFor({ timeout: ENGINE_MS });
    await shell.panel.locator('.prompt-text').fill(prompt);
    await shell.panel.locator('.prompt-text').press('Enter');
  };

  it('waits for the user, who answers in the panel by keyboard alone', async () => {
    await shell.workbench.runCommand('Holdfast: New Session');
    await shell.panel.locator('.prompt-text').waitFor({ timeout: WORKBENCH_MS });
    await send('first');
    const ask = shell.panel.locator('[data-ask="open"]');
    await ask.waitFor({ timeout: ENGINE_MS });
    const item = shell.statusItem('turn');
    await item.filter({ hasText: 'Holdfast needs you' }).waitFor({ timeout: WORKBENCH_MS });
    assert.match((await item.getAttribute('class')) ?? '', /warning-kind/);
    await shell.picture('ask-dark');
    assert.equal(await shell.toasts('waits for your answer').count(), 0);
    // The command puts the keyboard on the first button of the ask; Enter presses it.
    await shell.workbench.runCommand('Holdfast: Show Panel');
    await shell.panel.locator('[data-ask="open"] button:focus').waitFor({ timeout: WORKBENCH_MS });
    await shell.workbench.page.keyboard.press('Enter');
    await shell.said('The first is done.').waitFor({ timeout: ENGINE_MS });
    await item.waitFor({ state: 'detached', timeout: WORKBENCH_MS });
  });

  it('waits for the user, who is told once while the panel is out of sight and answers from the palette, after a reload', async () => {
    await send('second');
    await model.reached('second');
    await shell.workbench.openFile('src/session.ts');
    // The tab is there before the editor takes the panel's place.
    await shell.workbench.page
      .locator('.view-line', { hasText: 'randomUUID' })
      .first()
      .waitFor({ timeout: WORKBENCH_MS });
    await shell.workbench.page.locator('iframe.webview').waitFor({ state: 'hidden', timeout: WORKBENCH_MS });
    model.release('second');
    await shell.toasts('the agent waits for your answer').waitFor({ timeout: ENGINE_MS });
    await shell.picture('ask-toast-dark');
    await shell.workbench.reload();
    await shell.statusItem('turn').filter({ hasText: 'Holdfast needs you' }).waitFor({ timeout: ENGINE_MS });
    await shell.workbench.runCommand('Holdfast: Answer Request');
    const rows = shell.workbench.page.locator('.quick-input-list .monaco-list-row');
    await rows.filter({ hasText: 'Allow once' }).click();
    await shell.workbench.runCommand('Holdfast: Show Panel');
    await shell.said('The second is done.').waitFor({ timeout: ENGINE_MS });
    assert.equal(await shell.toasts('waits for your answer').count(), 0, 'not told again after the reload');
  });

  it('ends plainly when its server is killed and recovery is off: one card, a red status that restarts at a click', async () => {
    await send('third');
    await shell.said('It begins').waitFor({ timeout: ENGINE_MS });
    await shell.statusItem('turn').filter({ hasText: 'silent' }).waitFor({ timeout: WORKBENCH_MS });
    await shell.picture('turn-dark');
    shell.killServer();
    const item = shell.statusItem('server');
    await item.filter({ hasText: 'Holdfast stopped' }).waitFor({ timeout: WORKBENCH_MS });
    assert.match((await item.getAttribute('class')) ?? '', /error-kind/);
    const card = shell.panel.locator('.card-error', { hasText: 'was killed (SIGKILL, signal 9)' });
    await card.waitFor({ timeout: WORKBENCH_MS });
    assert.equal(await shell.panel.locator('.card').filter({ hasText: 'was killed' }).count(), 1);
    assert.equal(await shell.toasts('was killed').count(), 0, 'no notification of what the panel shows');
    await shell.picture('server-killed-dark');
    await item.click();
    await item.filter({ hasText: 'Holdfast ready' }).waitFor({ timeout: ENGINE_MS });
    assert.doesNotMatch((await item.getAttribute('class')) ?? '', /error-kind/);
  });
});
