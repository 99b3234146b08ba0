import assert from 'node:assert/strict';
import { Shell, WORKBENCH_MS } from './support/shell.ts';

describe('Settings in the workbench', function () {
  this.timeout(240_000);
  let shell: Shell;
  before(async () => {
    shell = await Shell.open({
      settings: {
        'holdfast.stallTimeout': -5,
        'holdfast.restartBudget': 'many',
        'holdfast.engine.path': '/nowhere/opencode',
      },
    });
  });
  after(() => shell.close());

  it('C-08: bad values fall back to their defaults, with one warning for all', async () => {
    await shell.workbench.runCommand('Holdfast: New Session');
    const warning = shell.toasts('Using 180.');
    await warning.waitFor({ timeout: WORKBENCH_MS });
    assert.match(await warning.innerText(), /holdfast\.restartBudget is "many".*Using 3\./s);
    assert.equal(
      await shell.workbench.page.locator('.notifications-toasts .notification-list-item').count(),
      1,
    );
  });

  it('an engine that is not there is said once, with the way on, and costs nobody their words', async () => {
    await shell.panel.locator('.prompt-text').fill('Explain the queue');
    await shell.panel.locator('.prompt-text').press('Enter');
    const error = shell.toasts('holdfast.engine.path');
    await error.filter({ hasText: 'Set Engine Path' }).waitFor({ timeout: WORKBENCH_MS });
    await shell.panel
      .getByRole('main')
      .getByText('The prompt was not sent')
      .waitFor({ timeout: WORKBENCH_MS });
    // Back in the box, and ready to be sent again.
    await shell.panel.locator('.prompt-send:enabled').waitFor({ timeout: WORKBENCH_MS });
    assert.equal(await shell.panel.locator('.prompt-text').inputValue(), 'Explain the queue');
    await shell.picture('no-engine-dark');
  });

  it('a review without an engine fails with the same way on, and the list of sessions says why too', async () => {
    await shell.workbench.runCommand('Notifications: Clear All Notifications');
    await shell.workbench.runCommand('Holdfast: Run Review');
    await shell.toasts('Review: ').filter({ hasText: 'Set Engine Path' }).waitFor({ timeout: WORKBENCH_MS });
    await shell.showSessions();
    const pane = shell.workbench.page.locator('.pane', { hasText: 'New session' });
    await pane.getByText('/nowhere/opencode').waitFor({ timeout: WORKBENCH_MS });
    await shell.picture('no-engine-sessions-dark');
  });
});
