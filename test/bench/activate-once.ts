/** Loads the extension with an API in which every call succeeds and does nothing, and times it. */
import { readFileSync } from 'node:fs';
import Module, { createRequire } from 'node:module';

const anything: unknown = new Proxy(function () {}, {
  get: (_target, key) =>
    key === 'fsPath' || key === 'appRoot'
      ? '/'
      : key === Symbol.toPrimitive
        ? () => ''
        : key === 'then'
          ? undefined
          : key === Symbol.iterator
            ? [][Symbol.iterator]
            : anything,
  set: () => true,
  apply: () => anything,
  construct: () => anything as object,
});

// Bundlers copy what a module owns, so the top level has to own every name of the real one.
const types = readFileSync('node_modules/@types/vscode/index.d.ts', 'utf8');
const names = [...types.matchAll(/^\s+(?:export )?(?:class|enum|namespace|const|function) (\w+)/gm)].map(
  (match) => match[1] ?? '',
);
const api = Object.fromEntries(names.map((name) => [name, anything]));

const load = (Module as unknown as { _load: (request: string, ...rest: unknown[]) => unknown })._load;
(Module as unknown as { _load: unknown })._load = (request: string, ...rest: unknown[]) =>
  request === 'vscode' ? api : load(request, ...rest);

const [file = ''] = process.argv.slice(2);
const start = performance.now();
const extension = createRequire(import.meta.url)(file) as { activate(context: unknown): unknown };
await extension.activate({
  subscriptions: [],
  extensionUri: anything,
  globalStorageUri: anything,
  globalState: anything,
  workspaceState: anything,
  secrets: anything,
  extension: anything,
  asAbsolutePath: (part: string) => part,
});
process.send?.(performance.now() - start);
process.exit(0);
