import assert from 'node:assert/strict';
import { scriptedModelConfig } from '../fakes/model/config.ts';
import { startFakeModel, type FakeModel } from '../fakes/model/server.ts';
import { hold, says, text, tool } from '../fakes/model/steps.ts';
import { waitUntilGone } from '../rig/leftovers.mjs';
import { THEMES } from '../rig/workbench/themes.mjs';
import { ENGINE_MS, Shell, WORKBENCH_MS } from './support/shell.ts';

/** Nothing else on the machine sleeps for just so long. */
const COMMAND = 'sleep 298.5';
/** Ended is asked for, and then killed, ms. */
const GONE_MS = 10_000;

describe('What a dead server left running', function () {
  this.timeout(240_000);
  let model: FakeModel;
  let shell: Shell;
  before(async () => {
    const bash = tool('bash', { command: `nohup ${COMMAND} >/dev/null 2>&1 &`, description: 'Wait long' });
    model = await startFakeModel({ wait: [says(bash), says(text('It waits.'), hold('never'))] });
    shell = await Shell.open({
      // A turn that goes on ends them itself.
      settings: { 'holdfast.model': 'scripted/scripted', 'holdfast.recovery.mode': 'off' },
      engineConfig: scriptedModelConfig(model.baseUrl, { permission: { bash: 'allow' } }),
    });
    await shell.newSession();
    await shell.send('wait');
    await shell.said('It waits.').waitFor({ timeout: ENGINE_MS });
    shell.killServer();
  });
  after(async () => {
    await shell.close();
    await model.stop();
  });

  const left = (): ReturnType<typeof shell.processes> =>
    shell.processes().filter(({ command }) => command === COMMAND);

  it('is told on a card, with its command and its age', async () => {
    const card = shell.panel.locator('.card-warn', { hasText: 'A process of the agent still runs' });
    await card.waitFor({ timeout: ENGINE_MS });
    assert.match(await card.locator('.facts').innerText(), /\d+ s\s+sleep 298\.5/);
    assert.equal(left().length, 1);
  });

  for (const theme of ['light', 'hc-dark', 'dark'] as const) {
    it(`is plain to see: ${theme}`, async () => {
      shell.workbench.changeSettings({ ...shell.settings, 'workbench.colorTheme': THEMES[theme] });
      const kind = { dark: 'dark', light: 'light', 'hc-dark': 'high-contrast' }[theme];
      await shell.panel.locator(`body.vscode-${kind}`).waitFor({ timeout: WORKBENCH_MS });
      await shell.picture(`leftovers-${theme}`);
    });
  }

  it('S-10: is ended when the user says so, and the card then says that it was', async () => {
    await shell.panel.getByRole('button', { name: 'End Them' }).click();
    await shell.panel
      .locator('.card-folded', { hasText: 'Processes that the agent had left behind were ended' })
      .waitFor({ timeout: WORKBENCH_MS });
    assert.equal(await shell.panel.getByRole('button', { name: 'End Them' }).count(), 0);
    assert.deepEqual(await waitUntilGone(left, GONE_MS), []);
    await shell.picture('leftovers-ended-dark');
  });
});
