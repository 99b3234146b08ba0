import assert from 'node:assert/strict';
import { ENGINE_MS, Shell, WORKBENCH_MS } from './support/shell.ts';

describe('A review in the workbench', function () {
  this.timeout(240_000);
  let shell: Shell;
  before(async () => {
    shell = await Shell.open();
  });
  after(() => shell.close());

  it('runs from the palette and shows its findings in the panel, marked as a demo', async () => {
    await shell.review();
    await shell.panel.getByText('Demo model: simple rules, no AI').waitFor();
    await shell.panel.locator('.badge', { hasText: 'Done' }).waitFor();
    assert.equal(await shell.workbench.page.locator('.tab', { hasText: 'Holdfast: Review' }).count(), 1);
    await shell.picture('review-panel-dark');
  });

  it('says how the server is in the status bar, for screen readers too', async () => {
    const item = shell.statusItem('server');
    await item.filter({ hasText: 'Holdfast ready' }).waitFor({ timeout: WORKBENCH_MS });
    assert.equal(
      await item.locator('[aria-label]').first().getAttribute('aria-label'),
      'Holdfast server ready',
    );
    assert.doesNotMatch((await item.getAttribute('class')) ?? '', /error|warning/);
  });

  it('is told quietly: no notification while the panel shows it', async () => {
    assert.equal(
      await shell.workbench.page.locator('.notifications-toasts .notification-list-item').count(),
      0,
    );
  });

  it('has its page closed to everything but its own script and style', async () => {
    const { policy, reached } = await shell.panel.locator('body').evaluate(async () => {
      const meta = document.querySelector('meta[http-equiv="Content-Security-Policy"]');
      const image = new Promise<boolean>((resolve) => {
        const element = new Image();
        element.onload = () => resolve(true);
        element.onerror = () => resolve(false);
        element.src = 'data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=';
      });
      const request = fetch('data:text/plain,x').then(
        () => true,
        () => false,
      );
      return { policy: meta?.getAttribute('content') ?? '', reached: await Promise.all([image, request]) };
    });
    assert.match(policy, /^default-src 'none'; style-src [^;]+; script-src 'nonce-[\w-]{20,}'$/);
    assert.deepEqual(reached, [false, false]);
  });

  it('opens the code of a finding at its line, with the findings beside it and in Problems', async () => {
    await shell.panel.getByText('queue.ts:35').first().click();
    const { page } = shell.workbench;
    await page.locator('.tab.active', { hasText: 'queue.ts' }).waitFor({ timeout: WORKBENCH_MS });
    await page.locator('.squiggly-error').first().waitFor({ state: 'attached', timeout: WORKBENCH_MS });
    await page.locator('.statusbar', { hasText: 'Ln 35' }).waitFor({ timeout: WORKBENCH_MS });
    await shell.workbench.runCommand('Problems: Focus on Problems View');
    await page
      .locator('.markers-panel', { hasText: 'Promise is not awaited' })
      .waitFor({ timeout: WORKBENCH_MS });
    await page.locator('.markers-panel', { hasText: 'Holdfast demo' }).waitFor();
    await shell.picture('review-problems-dark');
  });

  it('has a comment thread for a finding, which can be dismissed there', async () => {
    const { page } = shell.workbench;
    const marks = page.locator(
      '.comment-range-glyph.comment-thread, .comment-range-glyph.comment-thread-unresolved',
    );
    assert.equal(await marks.count(), 2);
    await marks.first().click();
    const widget = page.locator('.review-widget', { hasText: 'Promise is not awaited' });
    await widget.waitFor({ timeout: WORKBENCH_MS });
    await widget.getByText('Suggested instead').waitFor();
    await shell.picture('review-comment-dark');
    await widget.locator('a[aria-label^="Dismiss Finding"]').first().click();
    await widget.waitFor({ state: 'detached', timeout: WORKBENCH_MS });
    await page.locator('.squiggly-error').first().waitFor({ state: 'detached', timeout: WORKBENCH_MS });
  });

  it('is in the list of sessions, marked as a demo, with its transcript and report', async () => {
    const row = (await shell.showSessions()).locator('.monaco-list-row').first();
    await row.waitFor({ timeout: WORKBENCH_MS });
    assert.match(await row.innerText(), /Review\s*demo · 10 findings/);
    await shell.workbench.runCommand('Holdfast: Show Transcript');
    await shell.workbench.page
      .locator('.view-line', { hasText: 'Run ended: Done. 10 findings.' })
      .waitFor({ timeout: WORKBENCH_MS });
  });

  it('restarts the server from the status bar', async () => {
    const { page } = shell.workbench;
    await shell.statusItem('server').click();
    await page.locator('.quick-input-list .monaco-list-row', { hasText: 'Restart Server' }).click();
    await shell
      .statusItem('server')
      .filter({ hasText: 'Holdfast starting' })
      .waitFor({ timeout: WORKBENCH_MS });
    await shell.statusItem('server').filter({ hasText: 'Holdfast ready' }).waitFor({ timeout: ENGINE_MS });
  });

  it('is shown again after a reload, with its findings and without the dismissed one', async () => {
    await shell.workbench.reload();
    await shell.result.waitFor({ timeout: ENGINE_MS });
    const { page } = shell.workbench;
    assert.equal(await page.locator('.tab', { hasText: 'Holdfast: Review' }).count(), 1);
    await shell.workbench.runCommand('Problems: Focus on Problems View');
    await page.locator('.panel .action-item', { hasText: /Problems\s*9/ }).waitFor({ timeout: WORKBENCH_MS });
    await page.locator('.squiggly-warning').first().waitFor({ state: 'attached', timeout: WORKBENCH_MS });
    assert.equal(await page.locator('.squiggly-error').count(), 0);
    await shell.panel.getByText('server stopped').waitFor();
    await shell.picture('review-reloaded-dark');
  });

  it('keeps what was typed into the prompt across a reload', async () => {
    await shell.panel.locator('.prompt-text').fill('half a sentence');
    await shell.kept('half a sentence');
    await shell.workbench.reload();
    await shell.panel.locator('.prompt-text').waitFor({ timeout: ENGINE_MS });
    assert.equal(await shell.panel.locator('.prompt-text').inputValue(), 'half a sentence');
  });
});
