import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, watch } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { scriptedModelConfig } from '../fakes/model/config.ts';
import { startFakeModel, type FakeModel } from '../fakes/model/server.ts';
import { hold, type ModelAnswer, says, text, tool } from '../fakes/model/steps.ts';
import type { Locator } from '../rig/workbench/page.mjs';
import { type Theme, THEMES } from '../rig/workbench/themes.mjs';
import { ENGINE_MS, Shell, WORKBENCH_MS } from './support/shell.ts';

const BODY: Readonly<Record<Theme, string>> = {
  dark: 'vscode-dark',
  light: 'vscode-light',
  'hc-dark': 'vscode-high-contrast',
  'hc-light': 'vscode-high-contrast-light',
};
/** Nothing else on the machine sleeps for just so long. */
const SLEEP = 'sleep 297.5';

describe('A turn whose server is killed, in the workbench', function () {
  this.timeout(240_000);
  let model: FakeModel;
  let shell: Shell;
  let folder: string;
  const ledger = (name: string): string => path.join(folder, name);

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'ledger-'));
    model = await startFakeModel((request) => answer(request.prompt, JSON.stringify(request.messages)));
    shell = await Shell.open({
      settings: { 'holdfast.model': 'scripted/scripted' },
      engineConfig: scriptedModelConfig(model.baseUrl, { permission: { bash: 'allow' } }),
    });
  });
  after(async () => {
    await shell.close();
    await model.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** From the conversation alone, as a model answers: what was said or done before goes on behind it. */
  function answer(prompt: string, messages: string): ModelAnswer {
    switch (prompt) {
      case 'Tell':
        return messages.includes('Once upon')
          ? says(hold('told again'), text('a time, the end.'))
          : says(text('Once upon '), hold('never'));
      case 'Continue where you were cut off.':
        return says(text('It goes on.'));
      case 'Give up':
      case 'Give up unseen':
        return says(text('It begins'), hold('never'));
      default: {
        const command = `echo once >> ${ledger(prompt)}; ${SLEEP}`;
        return messages.includes(ledger(prompt))
          ? says(text(`${prompt} is done.`))
          : says(text('I will write it down.'), tool('bash', { command, description: 'Write it down' }));
      }
    }
  }

  /** Sends a prompt in a session of its own, and kills the server while its command runs. */
  async function killInCommand(prompt: string): Promise<void> {
    await shell.newSession();
    await shell.send(prompt);
    await written(ledger(prompt));
    shell.killServer();
  }

  const asking = (): Locator => shell.panel.locator('.card[data-ask="open"]');
  const folded = (title: string): Locator => shell.panel.locator('.card-folded', { hasText: title });
  const hasTone = async (id: 'server' | 'turn', tone: 'error' | 'warning'): Promise<boolean> =>
    ((await shell.statusItem(id).getAttribute('class')) ?? '').includes(`${tone}-kind`);
  const toasts = (): Promise<number> =>
    shell.workbench.page.locator('.notifications-toasts .notification-list-item').count();
  /** What was read out to those who do not see it. */
  const heard = (): Promise<string> => shell.panel.getByRole('status').first().innerText();

  async function wear(theme: Theme): Promise<void> {
    shell.workbench.changeSettings({ ...shell.settings, 'workbench.colorTheme': THEMES[theme] });
    await shell.panel.locator(`body.${BODY[theme]}`).waitFor({ timeout: WORKBENCH_MS });
  }

  it('T-03, C-14: goes on behind what was said, on a quiet card that folds into one line', async () => {
    await shell.newSession();
    await shell.send('Tell');
    await shell.said('Once upon').waitFor({ timeout: ENGINE_MS });
    shell.killServer();
    const turn = shell.statusItem('turn');
    await turn.filter({ hasText: 'recovering' }).waitFor({ timeout: WORKBENCH_MS });
    const card = shell.panel.locator('.card-info', { hasText: 'Server restarted, retrying 1/3' });
    await card.waitFor({ timeout: ENGINE_MS });
    assert.match(await card.innerText(), /was killed \(SIGKILL, signal 9\)/);
    await model.reached('told again');
    await shell.picture('recovery-retrying-dark');
    model.release('told again');
    await shell.said('a time, the end.').waitFor({ timeout: ENGINE_MS });
    await shell.panel.locator('.prompt-send').waitFor({ timeout: ENGINE_MS });
    await shell.said('Once upon').waitFor();
    await card.waitFor({ state: 'detached' });
    await settled(folded('Recovered'));
    await shell.picture('recovery-folded-dark');
    assert.deepEqual(shell.outcomes('Tell'), ['t1 ok']);
    await shell.statusItem('server').filter({ hasText: 'Holdfast ready' }).waitFor({ timeout: WORKBENCH_MS });
    assert.equal(await hasTone('server', 'error'), false);
    assert.equal(await toasts(), 0);
    assert.match(await heard(), /Server restarted, retrying 1\/3/);
  });

  it('unfolds at a key what the recovery was about', async () => {
    const line = folded('Recovered').getByRole('button');
    await line.focus();
    await shell.workbench.page.keyboard.press('Enter');
    await folded('Recovered').getByText('was killed').waitFor();
    assert.equal(await line.getAttribute('aria-expanded'), 'true');
    for (const theme of ['light', 'hc-dark', 'hc-light', 'dark'] as const) {
      await wear(theme);
      await shell.picture(`recovery-unfolded-${theme}`);
    }
    await line.focus();
    await shell.workbench.page.keyboard.press('Enter');
    await folded('Recovered').getByText('was killed').waitFor({ state: 'detached' });
  });

  it('R-04: asks, naming the command that it cut off', async () => {
    await killInCommand('Ask');
    await asking().waitFor({ timeout: ENGINE_MS });
    assert.match(await asking().locator('.facts code').first().innerText(), /^bash: echo once >> /);
    const item = shell.statusItem('turn');
    await item.filter({ hasText: 'Holdfast needs you' }).waitFor({ timeout: WORKBENCH_MS });
    assert.equal(await hasTone('turn', 'warning'), true);
    await item.hover();
    const { page } = shell.workbench;
    await page.locator('.monaco-hover', { hasText: 'was killed (SIGKILL, signal 9)' }).waitFor();
    await page.mouse.move(0, 0);
    assert.match(await heard(), /Needs you: .*bash: echo once/s);
    assert.equal(await toasts(), 0, 'no notification of what the panel shows');
  });

  for (const theme of ['light', 'hc-dark', 'hc-light', 'dark'] as const) {
    it(`is plain to see while it asks: ${theme}`, async () => {
      await wear(theme);
      await shell.picture(`recovery-asking-${theme}`);
    });
  }

  it('fits a narrow window while it asks', async () => {
    const { page } = shell.workbench;
    await page.setViewportSize({ width: 560, height: 900 });
    const wide = await shell.panel.locator('html').evaluate((html) => html.scrollWidth - html.clientWidth);
    await shell.picture('recovery-asking-narrow');
    await page.setViewportSize({ width: 1440, height: 900 });
    assert.equal(wide, 0);
  });

  it('is marked in the list of sessions while it asks', async () => {
    const { page } = shell.workbench;
    const row = (await shell.showSessions()).locator('.monaco-list-row', { hasText: 'waiting for you' });
    await row.waitFor({ timeout: WORKBENCH_MS });
    // What the badge says stands in the name of the item.
    await page.locator('.activitybar a[aria-label*="1 waiting for you"]').waitFor({ timeout: WORKBENCH_MS });
    await shell.picture('recovery-asking-sessions-dark');
    await shell.workbench.runCommand('View: Toggle Primary Side Bar Visibility');
    await row.waitFor({ state: 'detached', timeout: WORKBENCH_MS });
  });

  it('goes on by keyboard alone, and the command is not run again', async () => {
    await shell.workbench.runCommand('Holdfast: Show Panel');
    await shell.panel.locator('[data-ask="open"] .button-primary:focus').waitFor({ timeout: WORKBENCH_MS });
    await shell.picture('recovery-asking-focus-dark');
    await shell.workbench.page.keyboard.press('Enter');
    await shell.said('Ask is done.').waitFor({ timeout: ENGINE_MS });
    await shell.panel.locator('.prompt-send').waitFor({ timeout: ENGINE_MS });
    const line = folded('Recovered: gone on with, as you said');
    await line.locator('button:focus').waitFor();
    await settled(line);
    await shell.picture('recovery-continued-dark');
    assert.deepEqual(shell.outcomes('Ask'), ['t1 ok']);
    assert.equal(readFileSync(ledger('Ask'), 'utf8'), 'once\n');
    await shell.statusItem('turn').waitFor({ state: 'detached', timeout: WORKBENCH_MS });
  });

  it('tells it once while the panel is out of sight, and not again after a reload', async () => {
    await shell.newSession();
    await shell.send('Hidden');
    await hidePanel();
    await written(ledger('Hidden'));
    shell.killServer();
    await shell.toasts('waits for your decision').waitFor({ timeout: ENGINE_MS });
    assert.equal(await toasts(), 1);
    await shell.picture('recovery-toast-dark');
    await shell.workbench.reload();
    const item = shell.statusItem('turn');
    await item.filter({ hasText: 'Holdfast needs you' }).waitFor({ timeout: ENGINE_MS });
    assert.equal(await toasts(), 0);
    await shell.workbench.runCommand('Holdfast: Show Panel');
    await asking().getByRole('button', { name: 'Keep as It Is' }).click({ timeout: ENGINE_MS });
    await shell.panel.locator('.card-info', { hasText: 'Kept as it is' }).waitFor({ timeout: WORKBENCH_MS });
    await shell.panel.locator('.prompt-text:focus').waitFor({ timeout: WORKBENCH_MS });
    await shell.picture('recovery-kept-dark');
    assert.deepEqual(shell.outcomes('Hidden'), ['t1 interrupted']);
    assert.equal(readFileSync(ledger('Hidden'), 'utf8'), 'once\n');
  });

  it('C-10: gives up plainly once no restart is left: one card with the signal, a red status', async () => {
    shell.workbench.changeSettings({ ...shell.settings, 'holdfast.restartBudget': 0 });
    await begin('Give up');
    shell.killServer();
    const card = shell.panel.locator('.card-error');
    await card.waitFor({ timeout: ENGINE_MS });
    assert.match(await card.innerText(), /was killed \(SIGKILL, signal 9\)/);
    await shell.picture('recovery-gave-up-dark');
    assert.equal(await hasTone('server', 'error'), true);
    assert.equal(await toasts(), 0, 'no notification of what the panel shows');
    for (const name of ['Continue', 'Restart Server', 'Show Log'])
      await card.getByRole('button', { name }).waitFor({ timeout: WORKBENCH_MS });
    assert.deepEqual(shell.outcomes('Give up'), ['t1 server-unreachable']);
    await card.getByRole('button', { name: 'Continue' }).click();
    await shell.said('It goes on.').waitFor({ timeout: ENGINE_MS });
    assert.equal(await hasTone('server', 'error'), false);
    assert.equal(await card.getByRole('button', { name: 'Continue' }).count(), 0);
    await shell.picture('recovery-gave-up-continued-dark');
  });

  it('gives up with one error while the panel is out of sight', async () => {
    await begin('Give up unseen');
    await hidePanel();
    shell.killServer();
    await shell.toasts('was killed').waitFor({ timeout: ENGINE_MS });
    assert.equal(await toasts(), 1);
    await shell.workbench.page.locator('.notification-fade-in-done').waitFor();
    await shell.picture('recovery-gave-up-toast-dark');
  });

  async function begin(prompt: string): Promise<void> {
    await shell.newSession();
    await shell.send(prompt);
    await shell.said('It begins').waitFor({ timeout: ENGINE_MS });
  }

  async function hidePanel(): Promise<void> {
    const tab = shell.workbench.page.locator('.tabs-container .tab', { hasText: 'session.ts' });
    if ((await tab.count()) > 0) await tab.click();
    else await shell.workbench.openFile('src/session.ts');
    await shell.workbench.page.locator('iframe.webview').waitFor({ state: 'hidden', timeout: WORKBENCH_MS });
  }
});

/** Resolves once an element has come to rest. */
async function settled(element: Locator): Promise<void> {
  await element.evaluate((shown) =>
    Promise.all(shown.getAnimations({ subtree: true }).map((each) => each.finished)),
  );
}

/** Resolves once a file is there. */
function written(file: string): Promise<void> {
  return new Promise((resolve) => {
    const watcher = watch(path.dirname(file), () => look());
    const look = (): void => {
      if (!existsSync(file)) return;
      watcher.close();
      resolve();
    };
    look();
  });
}
