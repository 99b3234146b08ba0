import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

type Env = Readonly<Record<string, string | undefined>>;

/**
 * An environment in which opencode knows nothing of its user: configuration, sessions, sign-ins, plugins and
 * temporary files lie below `root`, and nothing is downloaded.
 *
 * @param root absolute path of an empty folder
 * @param version of the engine
 */
export async function apartEnv(root: string, env: Env, version: string): Promise<Record<string, string>> {
  const config = join(root, 'config');
  // With these two in place 1.18.33 does not run `npm install` for its plugin package.
  await mkdir(join(config, 'opencode', 'node_modules'), { recursive: true });
  const packages = { '': { dependencies: { '@opencode-ai/plugin': version } } };
  await writeFile(
    join(config, 'opencode', 'package-lock.json'),
    JSON.stringify({ lockfileVersion: 3, packages }),
  );
  const [home, temporary] = [join(root, 'home'), join(root, 'tmp')];
  for (const folder of [home, temporary]) await mkdir(folder, { recursive: true });
  const kept = Object.entries(env).flatMap(([name, value]) =>
    value === undefined || name.startsWith('OPENCODE_') ? [] : [[name, value] as const],
  );
  return {
    ...Object.fromEntries(kept),
    HOME: home,
    USERPROFILE: home,
    TMPDIR: temporary,
    TEMP: temporary,
    TMP: temporary,
    XDG_CONFIG_HOME: config,
    XDG_DATA_HOME: join(root, 'data'),
    XDG_STATE_HOME: join(root, 'state'),
    XDG_CACHE_HOME: join(root, 'cache'),
    OPENCODE_DISABLE_MODELS_FETCH: '1',
    OPENCODE_DISABLE_LSP_DOWNLOAD: '1',
    OPENCODE_DISABLE_PROJECT_CONFIG: '1',
  };
}
