/**
 * What the demo model knows: fixed rules, each about one kind of slip that can be seen in a single added line.
 * They are here so that a first run shows real findings in the reader's own code without any model.
 */
import type { AnswerFinding } from '../../core/review/answer.ts';

export interface Rule {
  /** Which files it is about. */
  files: RegExp;
  /** Whether it looks into comments. */
  comments?: true;
  /** @param line an added line without its sign. */
  matches(line: string, context: RuleContext): boolean;
  severity: AnswerFinding['severity'];
  confidence: AnswerFinding['confidence'];
  title: string;
  body: string;
  /** The line as it should be, when that is obvious. */
  suggestion?(line: string): string | undefined;
}

export interface RuleContext {
  /** The line after this one in the new file, as far as the diff shows it. */
  next: string | undefined;
  /** Names of functions that the diff shows to be async, by their declaration or by an `await` before a call. */
  asyncNames: ReadonlySet<string>;
}

const SCRIPT = /\.(?:[cm]?[jt]sx?|vue|svelte)$/i;
const PYTHON = /\.py$/i;
const CODE =
  /\.(?:[cm]?[jt]sx?|vue|svelte|py|go|java|kt|rb|php|cs|rs|swift|c|cc|cpp|h|hpp|sh|html|ya?ml|toml|ini|env)$/i;
const TEST = /\.(?:test|spec)\.[cm]?[jt]sx?$/i;

export const RULES: readonly Rule[] = [
  {
    files: CODE,
    matches: (line) => looksSecret(line),
    severity: 'critical',
    confidence: 'medium',
    title: 'Secret in the source',
    body: 'This looks like a key or password written into the code. Whoever can read the repository, its history included, can use it. Read it from the environment or a secret store, and replace the one that was exposed.',
  },
  {
    files: CODE,
    matches: (line) =>
      /rejectUnauthorized\s*:\s*false|NODE_TLS_REJECT_UNAUTHORIZED\b.*0|\bverify\s*=\s*False\b|InsecureSkipVerify\s*:\s*true|curl\b.*\s(?:-k|--insecure)\b/.test(
        line,
      ),
    severity: 'high',
    confidence: 'high',
    title: 'Certificate check is switched off',
    body: 'Without it the connection is encrypted but not authenticated: anyone on the way can answer in the place of the server. Trust the certificate you need instead of all of them.',
    suggestion: (line) =>
      /rejectUnauthorized\s*:\s*false/.test(line)
        ? line.replace(/(rejectUnauthorized\s*:\s*)false/, '$1true')
        : /\bverify\s*=\s*False\b/.test(line)
          ? line.replace(/(\bverify\s*=\s*)False\b/, '$1True')
          : undefined,
  },
  {
    files: SCRIPT,
    matches: (line) => /(?<![\w.])eval\s*\(|\bnew\s+Function\s*\(/.test(line),
    severity: 'high',
    confidence: 'high',
    title: 'Text is run as code',
    body: '`eval` and `new Function` run whatever the text says, with all rights of this program. Parse the text, or look the wanted behaviour up in a table.',
  },
  {
    files: PYTHON,
    matches: (line) => /(?<![\w.])(?:eval|exec)\s*\(/.test(line),
    severity: 'high',
    confidence: 'high',
    title: 'Text is run as code',
    body: '`eval` and `exec` run whatever the text says, with all rights of this program. `ast.literal_eval` reads plain values without running anything.',
  },
  {
    files: CODE,
    matches: (line) =>
      /["'`]\s*(?:SELECT\s.*\sFROM|INSERT\s+INTO|UPDATE\s.*\sSET|DELETE\s+FROM)\b.*(?:\$\{|["']\s*\+|["']\s*%\s*\w|\{\w+\}.*["']\s*$)/i.test(
        line,
      ),
    severity: 'high',
    confidence: 'medium',
    title: 'Value is put into SQL text',
    body: 'A value that holds a quote changes the statement (SQL injection). Pass values as parameters of the query.',
  },
  {
    files: SCRIPT,
    matches: (line) => /(?<![\w.])exec(?:Sync)?\s*\(\s*(?:`[^`]*\$\{|["'][^"']*["']\s*\+)/.test(line),
    severity: 'high',
    confidence: 'medium',
    title: 'Value is put into a shell command',
    body: 'A value with `;`, `$()` or a blank changes the command. `execFile` with a list of arguments has no shell in between.',
  },
  {
    files: SCRIPT,
    matches: (line) =>
      /\.(?:innerHTML|outerHTML)\s*\+?=(?!=)(?!\s*(?:''|""|``)\s*;?\s*$)|\bdocument\.write\s*\(|\bdangerouslySetInnerHTML\b|\bv-html=/.test(
        line,
      ),
    severity: 'high',
    confidence: 'medium',
    title: 'Text is put into the page as HTML',
    body: 'If any of this text comes from a user or a server, it can bring a script with it. Set it as text, or sanitise it first.',
    suggestion: (line) =>
      /\.innerHTML\s*=(?!=)/.test(line) ? line.replace(/\.innerHTML(\s*=)/, '.textContent$1') : undefined,
  },
  {
    files: SCRIPT,
    matches: isUnawaitedCall,
    severity: 'high',
    confidence: 'medium',
    title: 'Promise is not awaited',
    body: 'The function called here is async. Without `await` the code goes on before it is done, and when it fails nobody notices (an unhandled rejection).',
    suggestion: (line) =>
      /^\s*[\w.]+\(.*\);?\s*$/.test(line) ? line.replace(/^(\s*)/, '$1await ') : undefined,
  },
  {
    files: SCRIPT,
    matches: (line) => /\.forEach\s*\(\s*async\b/.test(line),
    severity: 'high',
    confidence: 'high',
    title: '`forEach` does not wait for an async callback',
    body: 'All calls start at once, nothing waits for them, and what they throw is lost. Use `for … of` with `await`, or `Promise.all` over `map`.',
  },
  {
    files: SCRIPT,
    matches: (line) => /\b(?:if|while)\s*\(\s*[\w.]+\s*=(?![=>])/.test(line),
    severity: 'high',
    confidence: 'medium',
    title: 'Assignment where a comparison is expected',
    body: 'A single `=` changes the variable, and the condition is then whatever was assigned.',
    suggestion: (line) => line.replace(/(\b(?:if|while)\s*\(\s*[\w.]+\s*)=(?![=>])/, '$1==='),
  },
  {
    files: SCRIPT,
    matches: (line) => /\bfor\s*\(.*<=\s*[\w.]+\.length\s*[;)]/.test(line),
    severity: 'high',
    confidence: 'medium',
    title: 'Loop runs one past the end',
    body: 'Indexes go up to `length - 1`; with `<=` the last round reads `undefined`.',
    suggestion: (line) => line.replace(/<=(\s*[\w.]+\.length)/, '<$1'),
  },
  {
    files: SCRIPT,
    matches: (line, { next }) =>
      /\bcatch\s*(?:\([^)]*\))?\s*\{\s*\}/.test(line) ||
      (/\bcatch\s*(?:\([^)]*\))?\s*\{\s*$/.test(line) && next !== undefined && /^\s*\}/.test(next)) ||
      /\.catch\s*\(\s*(?:\(\s*\w*\s*\)|\w+)\s*=>\s*\{\s*\}\s*\)/.test(line),
    severity: 'medium',
    confidence: 'high',
    title: 'Error is swallowed',
    body: 'Every error, also one that nobody thought of, disappears here without a trace. Handle the one that is expected and let the others through, or log them at least.',
  },
  {
    files: PYTHON,
    matches: (line, { next }) =>
      /^\s*except\b[^:]*:\s*pass\s*$/.test(line) ||
      (/^\s*except\b[^:]*:\s*$/.test(line) && /^\s*pass\s*$/.test(next ?? '')),
    severity: 'medium',
    confidence: 'high',
    title: 'Error is swallowed',
    body: 'Every error, also one that nobody thought of, disappears here without a trace. Catch the one that is expected, or log it at least.',
  },
  {
    files: SCRIPT,
    matches: (line) =>
      /\b(?:token|secret|password|nonce|session\w*|key)\w*\b.*\bMath\.random\s*\(/i.test(line),
    severity: 'medium',
    confidence: 'medium',
    title: 'Predictable random number for something secret',
    body: '`Math.random` can be predicted from a few of its numbers. `crypto.randomUUID()` or `crypto.getRandomValues()` cannot.',
  },
  {
    files: TEST,
    matches: (line) => /\b(?:describe|it|test|context|suite)\.only\s*\(/.test(line),
    severity: 'medium',
    confidence: 'high',
    title: 'All other tests are switched off',
    body: 'With `.only` the rest of the tests do not run, and the run is green all the same.',
    suggestion: (line) => line.replace(/\b(describe|it|test|context|suite)\.only(\s*\()/, '$1$2'),
  },
  {
    files: SCRIPT,
    matches: (line) => /(?<![\w.$])debugger\s*;?\s*$/.test(line),
    severity: 'medium',
    confidence: 'high',
    title: 'Leftover `debugger`',
    body: 'Execution stops here whenever developer tools are open.',
    suggestion: () => '',
  },
  {
    files: SCRIPT,
    matches: (line) => /(?<![\w.])console\.(?:log|debug|trace|dir)\s*\(/.test(line),
    severity: 'low',
    confidence: 'medium',
    title: 'Debug output left in',
    body: 'This looks like output from debugging. If it is meant to stay, a logger lets people switch it off.',
  },
  {
    files: PYTHON,
    matches: (line) => /^\s*print\s*\(|\bbreakpoint\s*\(\s*\)|\bpdb\.set_trace\s*\(/.test(line),
    severity: 'low',
    confidence: 'medium',
    title: 'Debug output left in',
    body: 'This looks like output from debugging. If it is meant to stay, `logging` lets people switch it off.',
  },
  {
    files: CODE,
    matches: (line) =>
      /["'`]http:\/\/(?!localhost|127\.|0\.0\.0\.0|\[::1\]|(?:www\.)?w3\.org|schemas?\.|json-schema\.org|[\w.]*example\.|\$\{)/i.test(
        line,
      ),
    severity: 'low',
    confidence: 'medium',
    title: 'Unencrypted address',
    body: 'What goes over `http:` can be read and changed on the way. Use `https:` if the server has it.',
    suggestion: (line) => line.replace(/(["'`])http:\/\//, '$1https://'),
  },
  {
    files: SCRIPT,
    matches: (line) => /[^=!<>]==(?!=)|!=(?!=)/.test(line.replace(/(["'`])(?:\\.|(?!\1).)*\1/g, '""')),
    severity: 'low',
    confidence: 'medium',
    title: 'Loose comparison',
    body: '`==` and `!=` convert before they compare: `0 == ""` is true, and so is `undefined == null`. If the conversion is meant, a comment helps; else use the strict form.',
    // Against `null` the loose form may be meant: the strict one would let `undefined` through.
    suggestion: (line) =>
      /[=!]=\s*null\b/.test(line)
        ? undefined
        : line.replace(/([^=!<>])==(?!=)/g, '$1===').replace(/!=(?!=)/g, '!=='),
  },
  {
    files: CODE,
    comments: true,
    matches: (line) => /(?:\/\/|#|\/\*|^\s*\*).*\b(?:TODO|FIXME|XXX|HACK)\b/.test(line),
    severity: 'info',
    confidence: 'high',
    title: 'Work left open',
    body: 'The comment says that something is still to be done here. Is it meant to be done before this change is merged?',
  },
];

/** Names that are declared async or awaited anywhere in the given lines; removed ones count, they show what was known before. */
export function asyncNamesIn(lines: Iterable<string>): Set<string> {
  const names = new Set<string>();
  for (const line of lines) {
    for (const [, awaited] of line.matchAll(/\bawait\s+(?:[\w$]+\.)*#?(\w+)\s*\(/g)) {
      if (awaited !== undefined) names.add(awaited);
    }
    const name =
      /\basync\s+function\s*\*?\s*(\w+)/.exec(line)?.[1] ??
      /\b(?:const|let|var)\s+(\w+)\s*(?::[^=]+)?=\s*async\b/.exec(line)?.[1] ??
      /^\s*(?:(?:public|private|protected|static|override)\s+)*async\s+#?(\w+)\s*[(<]/.exec(line)?.[1] ??
      /\bfunction\s+(\w+)[^{]*\)\s*:\s*Promise</.exec(line)?.[1];
    if (name !== undefined && name !== 'function') names.add(name);
  }
  return names;
}

/** A statement, condition or plain value that is a call of an async function, with nothing that takes its promise. */
function isUnawaitedCall(line: string, { asyncNames }: RuleContext): boolean {
  if (
    /\b(?:await|return|void|yield|async|function|import|Promise)\b|\.(?:then|catch|finally)\s*\(|=>/.test(
      line,
    )
  )
    return false;
  const call =
    /^\s*(?:(?:const|let|var)\s+[\w{}\s,]+=\s*|(?:\}\s*else\s+)?if\s*\(\s*!?\s*)?(?:[\w$]+\.)*#?(\w+)\s*\(/.exec(
      line,
    );
  const name = call?.[1];
  if (name === undefined || !(asyncNames.has(name) || /[a-z]Async$/.test(name))) return false;
  // `name(…) {` is the declaration of a method, unless a condition began the line.
  return /^\s*(?:\}\s*else\s+)?if\b/.test(line) || !/\{\s*$/.test(line);
}

function looksSecret(line: string): boolean {
  if (
    /\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{30,}|\bsk[-_](?:live[-_]|proj[-_])?[A-Za-z0-9]{16,}|-----BEGIN [A-Z ]*PRIVATE KEY/.test(
      line,
    )
  )
    return true;
  const literal =
    /(?:passw(?:or)?d|secret|api[-_]?key|auth[-_]?token|access[-_]?token|private[-_]?key)\w*["']?\s*(?::|=(?!=))\s*["'`]([^"'`\s]{8,})["'`]/i.exec(
      line,
    );
  const value = literal?.[1];
  return (
    value !== undefined &&
    !/example|change.?me|placeholder|dummy|x{4}|\*{3}|[<>{}$]|^(?:test|fake|your)/i.test(value)
  );
}
