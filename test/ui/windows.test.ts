import assert from 'node:assert/strict';
import { scriptedModelConfig } from '../fakes/model/config.ts';
import { startFakeModel, type FakeModel } from '../fakes/model/server.ts';
import { hold, says, text } from '../fakes/model/steps.ts';
import { THEMES } from '../rig/workbench/themes.mjs';
import { ENGINE_MS, Shell, type View, WORKBENCH_MS } from './support/shell.ts';

const FOREIGN = 'This run belongs to another window.';
/** From the death of a window to the record that another one goes on with its turn. */
const TAKEN_WITHIN_MS = 10_000;

describe('Two windows on one workspace', function () {
  this.timeout(240_000);
  let model: FakeModel;
  let shell: Shell;
  let first: View;
  let second: View;
  /** The extension host of the first one. */
  let firstHost: number;

  const answer = (name: string): ReturnType<typeof says> =>
    says(text(`${name} begins, `), hold(`${name} 1`), text('goes on, '), hold(`${name} 2`), text('ends.'));
  const whole = (name: string): string => `${name} begins, goes on, ends.`;
  const end = (name: string): void => [1, 2].forEach((n) => model.release(`${name} ${n}`));
  const requests = (prompt: string): number =>
    model.requests.filter((request) => request.prompt === prompt).length;

  before(async () => {
    model = await startFakeModel(({ prompt }) => answer(prompt));
    shell = await Shell.open({
      settings: { 'holdfast.model': 'scripted/scripted' },
      engineConfig: scriptedModelConfig(model.baseUrl),
    });
    first = shell;
    await first.newSession();
    await begins(first, 'Alpha');
    firstHost = shell.extensionHost();
    second = await shell.secondWindow();
    await second.window.runCommand('Holdfast: Show Panel');
  });
  after(async () => {
    await shell.close();
    await model.stop();
  });

  async function begins(view: View, prompt: string): Promise<void> {
    await view.send(prompt);
    await view.said(`${prompt} begins`).waitFor({ timeout: ENGINE_MS });
  }

  async function ends(view: View, prompt: string): Promise<void> {
    await view.said(whole(prompt), { exact: true }).waitFor({ timeout: ENGINE_MS });
    await view.panel.locator('.prompt-send').waitFor({ timeout: ENGINE_MS });
  }

  /** Waits until a window shows a run that is not its own. */
  const readOnly = (view: View): Promise<void> =>
    view.panel.getByRole('button', { name: 'Take Over' }).waitFor({ timeout: ENGINE_MS });

  async function takeOver(view: View): Promise<void> {
    await view.panel.getByRole('button', { name: 'Take Over' }).click();
    const dialog = view.window.page.locator('.monaco-dialog-box');
    await dialog.waitFor({ timeout: WORKBENCH_MS });
    await dialog.getByRole('button', { name: 'Take Over' }).click();
  }

  it('shows the turn of the other one, read-only and with the reason: a prompt and a stop are refused', async () => {
    await second.said('Alpha begins').waitFor({ timeout: ENGINE_MS });
    await readOnly(second);
    const prompt = second.panel.locator('.prompt-text');
    assert.equal(await prompt.getAttribute('placeholder'), FOREIGN);
    assert.equal(await second.panel.locator('.prompt-stop').count(), 0);
    assert.equal(await second.panel.locator('.prompt-send').count(), 0);
    assert.equal(await first.panel.getByRole('button', { name: 'Take Over' }).count(), 0);
    await prompt.fill('mine');
    await prompt.press('Enter');
    assert.equal(await prompt.inputValue(), 'mine');
    await second.panel.getByText(FOREIGN).waitFor();
    await second.picture('window-read-only-draft-dark');
    await prompt.fill('');
    await second.window.runCommand('Holdfast: Send Prompt');
    const toast = second.toasts('This run belongs to another window');
    await toast.getByRole('button', { name: 'Take Over' }).waitFor({ timeout: WORKBENCH_MS });
    await second.window.runCommand('Notifications: Clear All Notifications');
    model.release('Alpha 1');
    await second.said('Alpha begins, goes on').waitFor({ timeout: ENGINE_MS });
    assert.equal(shell.servers().length, 1);
    assert.equal(requests('Alpha'), 1);
  });

  for (const theme of ['light', 'hc-dark', 'hc-light', 'dark'] as const) {
    it(`is plain to see: ${theme}`, async () => {
      shell.workbench.changeSettings({ ...shell.settings, 'workbench.colorTheme': THEMES[theme] });
      const kind = {
        dark: 'dark',
        light: 'light',
        'hc-dark': 'high-contrast',
        'hc-light': 'high-contrast-light',
      };
      await second.panel.locator(`body.vscode-${kind[theme]}`).waitFor({ timeout: WORKBENCH_MS });
      await second.picture(`window-read-only-${theme}`);
    });
  }

  it('fits a narrow window', async () => {
    const { page } = second.window;
    await page.setViewportSize({ width: 500, height: 900 });
    const wide = await second.panel.locator('html').evaluate((html) => html.scrollWidth - html.clientWidth);
    await second.picture('window-read-only-narrow');
    await page.setViewportSize({ width: 1440, height: 900 });
    assert.equal(wide, 0);
  });

  it('gives each of them a session of its own, on one server', async () => {
    const servers = shell.servers();
    await second.newSession();
    await begins(second, 'Beta');
    end('Beta');
    await ends(second, 'Beta');
    end('Alpha');
    await ends(first, 'Alpha');
    assert.deepEqual(shell.servers(), servers);
    assert.equal(servers.length, 1);
    assert.deepEqual([requests('Alpha'), requests('Beta')], [1, 1]);
    assert.deepEqual([shell.outcomes('Alpha'), shell.outcomes('Beta')], [['t1 ok'], ['t1 ok']]);
  });

  it('lets one take a turn over from the other, which says so and only shows it from then on', async () => {
    await first.newSession();
    await begins(first, 'Gamma');
    await openSession(second, 'Gamma');
    await readOnly(second);
    await takeOver(second);
    await second.said('Taken over in this window').waitFor({ timeout: ENGINE_MS });
    // A window notices that it has lost a run with the next thing that it would write.
    model.release('Gamma 1');
    await readOnly(first);
    assert.equal(await first.panel.locator('.prompt-text').getAttribute('placeholder'), FOREIGN);
    await first.said('Taken over').waitFor({ timeout: ENGINE_MS });
    await first.picture('window-taken-over-dark');
    end('Gamma');
    await ends(second, 'Gamma');
    await first.said(whole('Gamma'), { exact: true }).waitFor({ timeout: ENGINE_MS });
    assert.equal(requests('Gamma'), 1);
    assert.deepEqual(shell.outcomes('Gamma'), ['t1 ok']);
    const owners = shell
      .journal('Gamma')
      .flatMap((record) => (record.kind === 'owner' ? [record.owner.pid] : []));
    assert.deepEqual(owners, [shell.extensionHost()]);
  });

  it('T-06: goes on in the other one, unasked, when the window of a turn is gone for good', async () => {
    await first.newSession();
    await begins(first, 'Delta');
    await openSession(second, 'Delta');
    await readOnly(second);
    const servers = shell.servers();
    const killedAt = Date.now();
    process.kill(firstHost, 'SIGKILL');
    // The editor starts a killed extension host anew, unless nobody looks.
    await first.window.page.goto('about:blank');
    await second.said('The window came back').waitFor({ timeout: ENGINE_MS });
    end('Delta');
    await ends(second, 'Delta');
    const [taken] = shell.journal('Delta').filter(({ kind }) => kind === 'owner');
    assert.ok(taken !== undefined && taken.at - killedAt <= TAKEN_WITHIN_MS, `${taken?.at} of ${killedAt}`);
    assert.deepEqual(shell.servers(), servers);
    assert.equal(requests('Delta'), 1);
    assert.deepEqual(shell.outcomes('Delta'), ['t1 ok']);
    await first.window.open();
  });

  it('C-14: goes on with each turn once when their server dies, and restarts it once for both', async () => {
    await first.newSession();
    await begins(first, 'Epsilon');
    await second.newSession();
    await begins(second, 'Zeta');
    const [killed] = shell.servers();
    shell.killServer();
    for (const view of [first, second])
      await view.panel
        .locator('.card-info', { hasText: 'Server restarted, retrying 1/3' })
        .waitFor({ timeout: ENGINE_MS });
    await second.picture('window-server-killed-dark');
    const servers = shell.servers();
    assert.ok(servers.length === 1 && servers[0] !== killed, 'one server in the place of the other');
    end('Epsilon');
    end('Zeta');
    await ends(first, 'Epsilon');
    await ends(second, 'Zeta');
    assert.deepEqual([shell.outcomes('Epsilon'), shell.outcomes('Zeta')], [['t1 ok'], ['t1 ok']]);
    assert.deepEqual([requests('Epsilon'), requests('Zeta')], [2, 2]);
    assert.deepEqual(shell.servers(), servers);
    await begins(second, 'Iota');
    end('Iota');
    await ends(second, 'Iota');
    assert.deepEqual(shell.outcomes('Zeta'), ['t1 ok', 't2 ok']);
  });

  async function openSession(view: View, title: string): Promise<void> {
    await view.window.runCommand('Holdfast: Open Session');
    await view.window.page
      .locator('.quick-input-list .monaco-list-row')
      .filter({ hasText: title })
      .first()
      .click({ timeout: WORKBENCH_MS });
    await view.said(`${title} begins`).waitFor({ timeout: ENGINE_MS });
  }
});
