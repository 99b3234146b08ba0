import assert from 'node:assert/strict';
import { scriptedModelConfig } from '../fakes/model/config.ts';
import { startFakeModel, type FakeModel } from '../fakes/model/server.ts';
import { hold, says, text } from '../fakes/model/steps.ts';
import { THEMES } from '../rig/workbench/themes.mjs';
import type { Locator } from '../rig/workbench/page.mjs';
import { ENGINE_MS, Shell, WORKBENCH_MS } from './support/shell.ts';

describe('What the user typed', function () {
  this.timeout(240_000);
  let model: FakeModel;
  let shell: Shell;

  before(async () => {
    model = await startFakeModel(({ prompt }) =>
      prompt.startsWith('Long')
        ? says(text(`${prompt} begins, `), hold(prompt), text('and ends.'))
        : says(text(`Answer to ${prompt}.`)),
    );
    shell = await Shell.open({
      settings: { 'holdfast.model': 'scripted/scripted', 'holdfast.engine.busyGrace': 90 },
      engineConfig: scriptedModelConfig(model.baseUrl),
    });
    await shell.newSession();
  });
  after(async () => {
    await shell.close();
    await model.stop();
  });

  const box = (): Locator => shell.panel.locator('.prompt-text');
  const items = (): Locator => shell.panel.locator('.queue-text');
  const asked = (prompt: string): number =>
    model.requests.filter((request) => request.prompt === prompt).length;

  /** Writes into the box, key by key as a person does, and gives it off. */
  async function write(prompt: string): Promise<void> {
    await box().click();
    await shell.workbench.page.keyboard.type(prompt);
    await shell.workbench.page.keyboard.press('Enter');
  }

  async function reload(): Promise<void> {
    await shell.workbench.reload();
    await shell.workbench.runCommand('Holdfast: Show Panel');
    await box().waitFor({ timeout: ENGINE_MS });
  }

  it('is in the box again after a reload, with the cursor at its end, and was not sent', async () => {
    await box().click();
    await shell.workbench.page.keyboard.type('half a sentence');
    await shell.kept('half a sentence');
    await reload();
    await box().and(shell.panel.locator(':focus')).waitFor({ timeout: WORKBENCH_MS });
    await shell.workbench.page.keyboard.type(', and its end');
    assert.equal(await box().inputValue(), 'half a sentence, and its end');
    await box().fill('');
    assert.deepEqual(model.requests, []);
  });

  it('is queued by Enter while a turn runs, keeps the keyboard, and is sent in order when the turn ends', async () => {
    await write('Long one');
    await shell.said('Long one begins').waitFor({ timeout: ENGINE_MS });
    await write('Second');
    await write(
      'Third, which is a good deal longer than the others and goes on until it needs another line, or two',
    );
    await items().nth(1).waitFor({ timeout: WORKBENCH_MS });
    await box().and(shell.panel.locator(':focus')).waitFor();
    await shell.workbench.page.keyboard.type('a fourth');
    for (const theme of ['light', 'hc-dark', 'hc-light', 'dark'] as const) {
      shell.workbench.changeSettings({ ...shell.settings, 'workbench.colorTheme': THEMES[theme] });
      await shell.panel.locator(`body.${BODY[theme]}`).waitFor({ timeout: WORKBENCH_MS });
      await shell.picture(`queue-${theme}`);
    }
    await shell.workbench.page.setViewportSize({ width: 760, height: 900 });
    const wide = await shell.panel.locator('html').evaluate((html) => html.scrollWidth - html.clientWidth);
    await shell.picture('queue-narrow');
    await shell.workbench.page.setViewportSize({ width: 1440, height: 900 });
    assert.equal(wide, 0);
    assert.equal(asked('Second'), 0);
    model.release('Long one');
    await shell.said('Answer to Third').waitFor({ timeout: ENGINE_MS });
    await shell.said('Answer to Second').waitFor();
    assert.deepEqual(
      model.requests.map(({ prompt }) => prompt.split(',')[0]),
      ['Long one', 'Second', 'Third'],
    );
    assert.equal(await box().inputValue(), 'a fourth');
    await box().fill('');
    await items().first().waitFor({ state: 'detached', timeout: WORKBENCH_MS });
  });

  it('can be taken back into the box and removed, by keyboard', async () => {
    await write('Long two');
    await shell.said('Long two begins').waitFor({ timeout: ENGINE_MS });
    for (const prompt of ['One', 'Two', 'Three']) await write(prompt);
    await items().nth(2).waitFor({ timeout: WORKBENCH_MS });
    await shell.panel.getByRole('button', { name: 'Edit queued prompt 1' }).press('Enter');
    await items().nth(2).waitFor({ state: 'detached', timeout: WORKBENCH_MS });
    await box().and(shell.panel.locator(':focus')).waitFor({ timeout: WORKBENCH_MS });
    assert.equal(await box().inputValue(), 'One');
    await shell.panel.getByRole('button', { name: 'Remove queued prompt 1' }).press('Enter');
    await items().nth(1).waitFor({ state: 'detached', timeout: WORKBENCH_MS });
    assert.deepEqual(await items().allInnerTexts(), ['Three']);
    await shell.panel.locator('.queue-remove:focus').press('Enter');
    await items().first().waitFor({ state: 'detached', timeout: WORKBENCH_MS });
    await box().and(shell.panel.locator(':focus')).waitFor();
    await box().fill('');
    model.release('Long two');
    await shell.panel.locator('.prompt-send').waitFor({ timeout: ENGINE_MS });
    assert.equal(asked('One') + asked('Two') + asked('Three'), 0);
  });

  it('waits in a paused queue after a stop, and after a reload, until Resume Queue', async () => {
    await write('Long three');
    await shell.said('Long three begins').waitFor({ timeout: ENGINE_MS });
    await write('Patient');
    await items().first().waitFor({ timeout: WORKBENCH_MS });
    await shell.panel.locator('.prompt-stop').click();
    await shell.panel.getByText('Queue paused: you stopped the turn.').waitFor({ timeout: ENGINE_MS });
    await shell.picture('queue-paused-dark');
    await reload();
    await shell.panel.getByText('Queue paused').first().waitFor({ timeout: ENGINE_MS });
    assert.deepEqual(await items().allInnerTexts(), ['Patient']);
    await write('Meanwhile');
    await shell.said('Answer to Meanwhile').waitFor({ timeout: ENGINE_MS });
    await shell.panel.locator('.prompt-send').waitFor({ timeout: ENGINE_MS });
    assert.equal(asked('Patient'), 0);
    await shell.workbench.runCommand('Holdfast: Resume Queue');
    await shell.said('Answer to Patient').waitFor({ timeout: ENGINE_MS });
    await items().first().waitFor({ state: 'detached', timeout: WORKBENCH_MS });
    assert.equal(asked('Patient'), 1);
  });

  it('comes back into the palette when the window goes away before it is sent', async () => {
    // By what it says: the box of the palette itself is another one.
    const input = shell.workbench.page.getByPlaceholder('What the agent should do');
    await shell.workbench.runCommand('Holdfast: Send Prompt');
    await input.waitFor({ state: 'visible', timeout: WORKBENCH_MS });
    await input.pressSequentially('from the palette');
    await shell.kept('from the palette');
    await reload();
    await shell.workbench.runCommand('Holdfast: Send Prompt');
    await input.waitFor({ state: 'visible', timeout: WORKBENCH_MS });
    assert.equal(await input.inputValue(), 'from the palette');
    await input.press('Enter');
    await shell.said('Answer to from the palette').waitFor({ timeout: ENGINE_MS });
    assert.equal(asked('from the palette'), 1);
  });
});

const BODY = {
  dark: 'vscode-dark',
  light: 'vscode-light',
  'hc-dark': 'vscode-high-contrast',
  'hc-light': 'vscode-high-contrast-light',
} as const;
