/** Which build of opencode this machine can run. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

export interface Machine {
  platform: NodeJS.Platform;
  arch: string;
  /** The ordinary x64 build needs AVX2 and dies of an illegal instruction without it. */
  avx2: boolean;
  /** Linux only: the C library is musl, as in Alpine, and not glibc. */
  musl: boolean;
}

/** The platforms and CPUs that opencode 1.18.33 has packages for, as its packages name them. */
const PLATFORMS: Readonly<Record<string, string>> = { darwin: 'darwin', linux: 'linux', win32: 'windows' };
const ARCHS: readonly string[] = ['arm64', 'x64'];

/** The npm package that holds the binary for a machine and nothing else; undefined when there is none. */
export function platformPackage({ platform, arch, avx2, musl }: Machine): string | undefined {
  const name = PLATFORMS[platform];
  if (name === undefined || !ARCHS.includes(arch)) return undefined;
  const build = arch === 'x64' && !avx2 ? '-baseline' : '';
  return `opencode-${name}-${arch}${build}${platform === 'linux' && musl ? '-musl' : ''}`;
}

export async function thisMachine(): Promise<Machine> {
  return {
    platform: process.platform,
    arch: process.arch,
    avx2: await hasAvx2(),
    musl: existsSync('/etc/alpine-release'),
  };
}

/** False where it cannot be told: the baseline build runs everywhere. macOS and Windows were not run here. */
async function hasAvx2(): Promise<boolean> {
  try {
    if (process.platform === 'linux') return /\bavx2\b/.test(await readFile('/proc/cpuinfo', 'utf8'));
    if (process.platform !== 'darwin') return false;
    const { stdout } = await promisify(execFile)('sysctl', ['-n', 'hw.optional.avx2_0']);
    return stdout.trim() === '1';
  } catch {
    return false;
  }
}
