/** From what npm printed to why it failed, in words. Recorded from npm 11.19; npm before 10.6 writes `ERR!` for `error`. */

export interface NpmProblem {
  /** Fits "npm could not install <package>: <why>". One or two sentences, without npm's own advice. */
  why: string;
  /** Whether the same call can go well with nothing changed here: another network, another minute. */
  retriable: boolean;
}

/** npm 11.19 may end well although it could not write a file of the package: on a full disk it only warns. */
const TORN = /^npm (?:warn|WARN) tar TAR_ENTRY_ERROR (\w+)/m;

/** Whether npm could not write all of a package, whatever its exit code says. */
export function isTorn(output: string): boolean {
  return TORN.test(output);
}

/**
 * @param output what npm wrote, `--loglevel` at least `error`
 * @param wanted the package as `name version`
 * @param end how the process ended, e.g. `exit code 1`, for what is not known
 */
export function npmProblem(output: string, wanted: string, end: string): NpmProblem {
  const code = (/^npm (?:error|ERR!) code (\S+)/m.exec(output) ?? TORN.exec(output))?.[1] ?? '';
  const registry = `the package registry${hostOf(output)}`;
  const network = (why: string): NpmProblem => ({
    why: `${registry} could not be reached, ${why}. Check the network, and npm's proxy settings if there is one.`,
    retriable: true,
  });
  const settled = (why: string): NpmProblem => ({ why, retriable: false });
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return network('as its name is not known here');
    case 'ECONNREFUSED':
      return network('as the connection was refused');
    case 'ECONNRESET':
    case 'EPIPE':
      return network('as the connection broke off');
    case 'ETIMEDOUT':
    case 'ESOCKETTIMEDOUT':
    case 'ERR_SOCKET_TIMEOUT':
      return network('as no answer came in time');
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return network('as no route leads there');
    case 'ENOTCACHED':
      return settled('npm is configured to work offline.');
    case 'E407':
      return settled(
        'the proxy asks for a user name and a password (407), which npm\'s "proxy" setting holds.',
      );
    case 'E401':
    case 'E403':
      return settled(`${registry} refused the request (${code.slice(1)}).`);
    case 'E404':
    case 'ETARGET':
      return settled(`${registry} does not have ${wanted}.`);
    case 'EINTEGRITY':
      return {
        why: "what was downloaded does not match the registry's checksum and was thrown away.",
        retriable: true,
      };
    case 'FETCH_ERROR':
      return {
        why: `what answers as ${registry} is none: a login page of the network, perhaps.`,
        retriable: true,
      };
    case 'ENOSPC':
    case 'EDQUOT':
      return { why: 'the disk is full.', retriable: true };
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return settled(`npm may not write to ${pathOf(output)} (${code}).`);
  }
  if (/^E(?:429|5\d\d)$/.test(code)) {
    return { why: `${registry} has trouble (${code.slice(1)}).`, retriable: true };
  }
  if (/CERT|LEAF_SIGNATURE/.test(code)) {
    return settled(
      `the certificate of ${registry} is not trusted (${code}). npm's "cafile" setting can name one that is.`,
    );
  }
  return { why: `npm ended with ${code === '' ? end : code}. The log has its words.`, retriable: true };
}

/** ` (registry.npmjs.org)`: the host of the last request that npm wrote of, which is the one that failed. */
function hostOf(output: string): string {
  const url = [...output.matchAll(/^npm (?:http|error|ERR!) .*?(https?:\/\/\S+)/gm)].at(-1)?.[1] ?? '';
  return URL.canParse(url) ? ` (${new URL(url).host})` : '';
}

function pathOf(output: string): string {
  return /^npm (?:error|ERR!) path (.+)$/m.exec(output)?.[1] ?? 'its folders';
}
