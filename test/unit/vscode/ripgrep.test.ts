import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ripgrepFolders } from '../../../src/vscode/ripgrep.ts';

describe("The editor's ripgrep", () => {
  it('is found where editors keep it, old and new, and nowhere else', () => {
    const root = mkdtempSync(path.join(tmpdir(), 'app-'));
    try {
      assert.deepEqual(ripgrepFolders(root, 'linux', 'x64'), []);
      const put = (folder: string, name: string): string => {
        mkdirSync(path.join(root, folder), { recursive: true });
        writeFileSync(path.join(root, folder, name), '');
        return path.join(root, folder);
      };
      const old = put('node_modules/@vscode/ripgrep/bin', 'rg');
      const universal = put('node_modules/@vscode/ripgrep-universal/bin/linux-x64', 'rg');
      put('node_modules/@vscode/ripgrep-universal/bin/win32-x64', 'rg.exe');
      assert.deepEqual(ripgrepFolders(root, 'linux', 'x64'), [old, universal]);
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});
