import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { texts } from './l10n-bundle.ts';

const FILE = 'l10n/bundle.l10n.json';

describe('The texts of the extension', () => {
  it('are all there to be translated; to renew them: HOLDFAST_WRITE=1 npm test -- unit -g translated', () => {
    const found = texts();
    if (process.env['HOLDFAST_WRITE'] === '1') writeFileSync(FILE, `${JSON.stringify(found, null, 2)}\n`);
    assert.deepEqual(JSON.parse(readFileSync(FILE, 'utf8')), found);
    assert.ok(Object.keys(found).length > 80);
  });
});
