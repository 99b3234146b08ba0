import { readdirSync, readFileSync } from 'node:fs';

const FOLDER = 'src/vscode';

/** Every text that the extension passes to `l10n.t`, in the form that translations begin from. */
export function texts(): Record<string, string> {
  const found = readdirSync(FOLDER)
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => [
      ...readFileSync(`${FOLDER}/${file}`, 'utf8').matchAll(
        /(?<![\w.])(?:vscode\.l10n\.)?t\(\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")/g,
      ),
    ])
    .map(([, single, double]) => (single ?? double ?? '').replace(/\\(.)/g, '$1'));
  return Object.fromEntries([...new Set(found)].toSorted().map((text) => [text, text]));
}
