/** Loads the extension with an API in which every call succeeds and does nothing, and times it. */
import Module, { createRequire } from 'node:module';

const anything: unknown = new Proxy(function () {}, {
  get: (_target, key) =>
    key === Symbol.toPrimitive
      ? () => ''
      : key === 'then'
        ? undefined
        : key === Symbol.iterator
          ? [][Symbol.iterator]
          : anything,
  apply: () => anything,
  construct: () => anything as object,
});

const load = (Module as unknown as { _load: (request: string, ...rest: unknown[]) => unknown })._load;
(Module as unknown as { _load: unknown })._load = (request: string, ...rest: unknown[]) =>
  request === 'vscode' ? anything : load(request, ...rest);

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
