/** Throw-away repositories for tests, made with the real git. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export class Repository {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-git-')));

  constructor(...options: string[]) {
    this.git('init', '--quiet', '--initial-branch=main', '--template=', ...options);
  }

  git(...args: string[]): string {
    const config = [
      'user.name=R',
      'user.email=r@example.com',
      'commit.gpgsign=false',
      'core.hooksPath=/dev/null',
      'protocol.file.allow=always',
    ];
    const options = config.flatMap((each) => ['-c', each]);
    return execFileSync('git', [...options, ...args], {
      cwd: this.root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' },
    }).trim();
  }

  write(file: string, content: string | Uint8Array): void {
    const path = join(this.root, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }

  remove(file: string): void {
    rmSync(join(this.root, file));
  }

  /** Writes the files, stages everything and commits it; gives the commit's id. */
  commit(files: Record<string, string | Uint8Array>): string {
    for (const [file, content] of Object.entries(files)) this.write(file, content);
    this.git('add', '--all');
    this.git('commit', '--quiet', '--allow-empty', '-m', 'x');
    return this.git('rev-parse', 'HEAD');
  }

  /** Names, contents and times of everything in git's own folder. */
  fingerprint(): string {
    const hash = createHash('sha256');
    for (const name of readdirSync(join(this.root, '.git'), {
      recursive: true,
      encoding: 'utf8',
    }).toSorted()) {
      const path = join(this.root, '.git', name);
      const stat = statSync(path);
      hash.update(`${name} ${stat.mtimeMs} `);
      if (stat.isFile()) hash.update(readFileSync(path));
    }
    return hash.digest('hex');
  }

  dispose(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
