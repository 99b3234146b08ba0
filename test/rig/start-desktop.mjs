import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Problem } from './problem.mjs';
import { run } from './processes.mjs';

/**
 * The same start in the desktop VS Code of the person, on a profile of its own. VS Code has no way to run a command
 * from outside, so the person does that. Written for a desktop; the automated tests never run it.
 *
 * @param {{ folder: string, vsix: string, settings: Record<string, unknown>, env: (home: string) => NodeJS.ProcessEnv, temporary: string }} options
 * @returns {Promise<number>} when the window is closed
 */
export async function startOnDesktop({ folder, vsix, settings, env, temporary }) {
  const userData = path.join(temporary, 'user-data');
  const home = path.join(temporary, 'home');
  mkdirSync(path.join(userData, 'User'), { recursive: true });
  mkdirSync(home);
  writeFileSync(
    path.join(userData, 'User/settings.json'),
    JSON.stringify({ ...settings, 'security.workspace.trust.enabled': false }),
  );
  // `code` is a .cmd file on Windows, which needs a shell
  const code =
    process.platform === 'win32'
      ? { command: 'cmd.exe', args: ['/d', '/c', 'code'] }
      : { command: 'code', args: [] };
  const isolated = [
    ...code.args,
    '--user-data-dir',
    userData,
    '--extensions-dir',
    path.join(temporary, 'extensions'),
  ];
  const installed = await run(code.command, [...isolated, '--install-extension', vsix]);
  if (installed.code === 127)
    throw new Problem('The desktop VS Code was not found: put "code" on PATH, or start without --desktop.');
  if (installed.code !== 0)
    throw new Problem(`VS Code refused the extension: ${installed.output.trim().split('\n').at(-1)}`);
  process.stderr.write(
    '[start] press F1 in the window and run "Holdfast: Run Review"; closing the window ends this\n',
  );
  const { code: exitCode } = await run(code.command, [...isolated, '--new-window', '--wait', folder], {
    env: { ...process.env, ...env(home) },
  });
  return exitCode;
}
