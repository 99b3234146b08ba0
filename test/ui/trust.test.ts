import assert from 'node:assert/strict';
import { Shell, WORKBENCH_MS } from './support/shell.ts';

describe('An untrusted folder', function () {
  this.timeout(240_000);
  let shell: Shell;
  before(async () => {
    shell = await Shell.open({
      settings: {
        'security.workspace.trust.enabled': true,
        'security.workspace.trust.startupPrompt': 'never',
        'security.workspace.trust.banner': 'always',
      },
    });
  });
  after(() => shell.close());

  it('runs nothing of Holdfast, and says why', async () => {
    const { page } = shell.workbench;
    assert.equal(await page.locator('.activitybar a[aria-label="Holdfast"]').count(), 0);
    await shell.workbench.runCommand('Extensions: Show Installed Extensions');
    const row = page.locator('.extensions-list .monaco-list-row', { hasText: 'Holdfast' });
    await row.first().click({ timeout: WORKBENCH_MS });
    await page.locator('.extension-editor', { hasText: 'Holdfast' }).waitFor({ timeout: WORKBENCH_MS });
    await page
      .locator('.extension-editor', { hasText: 'so the folder must be trusted' })
      .waitFor({ timeout: WORKBENCH_MS });
    await shell.picture('untrusted-dark');
  });
});
