import assert from 'node:assert/strict';
import { scriptedModelConfig } from '../fakes/model/config.ts';
import { startFakeModel, type FakeModel } from '../fakes/model/server.ts';
import { fails, type ModelAnswer, says, text } from '../fakes/model/steps.ts';
import { ENGINE_MS, Shell, WORKBENCH_MS } from './support/shell.ts';

describe('A turn whose model is in trouble, in the workbench', function () {
  this.timeout(240_000);
  let model: FakeModel;
  let shell: Shell;
  /** What the next request is answered with. */
  let next: ModelAnswer;

  before(async () => {
    model = await startFakeModel(() => next);
    shell = await Shell.open({
      settings: { 'holdfast.model': 'scripted/scripted' },
      engineConfig: scriptedModelConfig(model.baseUrl),
    });
  });
  after(async () => {
    await shell.close();
    await model.stop();
  });

  it('R-09, R-11: says that the engine tries again by itself, and what the provider said only when asked', async () => {
    next = fails(429, 'upstream says: bucket 7 is dry', { 'retry-after': '60' });
    await shell.newSession();
    await shell.send('Busy');
    const retry = shell.panel.getByRole('button', { name: 'the engine asks again (try 2)' });
    await retry.waitFor({ timeout: ENGINE_MS });
    assert.match(await retry.innerText(), /next try in (1:00|0:5\d)/);
    assert.equal(await shell.panel.getByText('bucket 7').count(), 0);
    await shell.picture('model-retry-dark');
    await retry.press('Enter');
    await shell.panel.getByText('bucket 7').waitFor({ timeout: WORKBENCH_MS });
    await shell.picture('model-retry-details-dark');
    await shell.workbench.page.setViewportSize({ width: 620, height: 800 });
    await shell.picture('model-retry-narrow');
    await shell.workbench.page.setViewportSize({ width: 1440, height: 900 });
    await shell.panel.getByRole('button', { name: 'Stop', exact: true }).click();
    await shell.panel.locator('.prompt-send').waitFor({ timeout: WORKBENCH_MS });
  });

  it('R-09, R-11, C-15: a refused sign-in says what to do, and the turn goes on by keyboard after that', async () => {
    next = fails(401, 'invalid_key: key 12 of tenant 34');
    await shell.newSession();
    await shell.send('Who am I?');
    const card = shell.panel.locator('.card', { hasText: 'sign-in' });
    await card.waitFor({ timeout: ENGINE_MS });
    assert.doesNotMatch(await card.innerText(), /tenant 34/);
    await shell.picture('model-sign-in-dark');
    next = says(text('You are signed in.'));
    await shell.panel.getByRole('button', { name: 'Continue' }).press('Enter');
    await shell.said('You are signed in.').waitFor({ timeout: ENGINE_MS });
    await shell.panel.locator('.prompt-send').waitFor({ timeout: WORKBENCH_MS });
    assert.deepEqual(shell.outcomes('Who am I?'), ['t1 ok']);
  });
});
