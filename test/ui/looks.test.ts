import assert from 'node:assert/strict';
import { THEMES } from '../rig/workbench/themes.mjs';
import { Shell, WORKBENCH_MS } from './support/shell.ts';

/** Pictures for people to look at, and what can be checked of them without eyes. */
describe('The looks of a review', function () {
  this.timeout(240_000);
  let shell: Shell;
  before(async () => {
    shell = await Shell.open();
    await shell.review();
    await shell.panel.locator('button, a').filter({ hasText: 'queue.ts:35' }).first().click();
    await shell.workbench.page
      .locator('.squiggly-error')
      .first()
      .waitFor({ state: 'attached', timeout: WORKBENCH_MS });
    await shell.showSessions();
  });
  after(() => shell.close());

  for (const theme of ['light', 'hc-dark', 'hc-light', 'dark'] as const) {
    it(`takes its colours from the theme: ${theme}`, async () => {
      const kind = {
        dark: 'vscode-dark',
        light: 'vscode-light',
        'hc-dark': 'vscode-high-contrast',
        'hc-light': 'vscode-high-contrast-light',
      }[theme];
      shell.workbench.changeSettings({ ...shell.settings, 'workbench.colorTheme': THEMES[theme] });
      await shell.panel.locator(`body.${kind}`).waitFor({ timeout: WORKBENCH_MS });
      const [text, ground] = await shell.panel.locator('body').evaluate((body) => {
        const { color } = getComputedStyle(body);
        const back = document.createElement('i');
        back.style.color = 'var(--vscode-editor-background)';
        body.append(back);
        const under = getComputedStyle(back).color;
        back.remove();
        return [color, under];
      });
      assert.notEqual(text, ground);
      await shell.picture(`look-${theme}`);
    });
  }

  it('fits a narrow window without scrolling sideways', async () => {
    await shell.workbench.page.setViewportSize({ width: 760, height: 900 });
    const wide = await shell.panel.locator('html').evaluate((html) => html.scrollWidth - html.clientWidth);
    await shell.picture('look-narrow');
    assert.equal(wide, 0);
  });
});
