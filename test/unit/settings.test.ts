import assert from 'node:assert/strict';
import { NUMBER_SETTINGS, parseSettings } from '../../src/core/settings.ts';

const parse = (values: Record<string, unknown>) => parseSettings((key) => values[key]);

describe('settings', () => {
  it('have defaults and no warnings when nothing is set', () => {
    const { settings, warnings } = parse({});
    assert.equal(settings.stallTimeoutMs, 180_000);
    assert.equal(settings.restartBudget, 3);
    assert.equal(settings.model, '');
    assert.deepEqual(warnings, []);
  });

  for (const bad of ['soon', '', -1, 1.5, Number.NaN, Infinity, true, {}, [], '12 s']) {
    it(`C-08: ${typeof bad === 'number' ? String(bad) : JSON.stringify(bad)} falls back to the default with one warning`, () => {
      const { settings, warnings } = parse({ stallTimeout: bad });
      assert.equal(settings.stallTimeoutMs, 180_000);
      assert.equal(warnings.length, 1);
      assert.match(
        warnings[0] ?? '',
        /holdfast\.stallTimeout is .* whole number from 30 to 3600\. Using 180/,
      );
    });
  }

  it('takes the ends of each range and nothing beyond', () => {
    for (const { key, min, max } of Object.values(NUMBER_SETTINGS)) {
      assert.deepEqual(parse({ [key]: min }).warnings, []);
      assert.deepEqual(parse({ [key]: max }).warnings, []);
      assert.equal(parse({ [key]: min - 1 }).warnings.length, 1);
      assert.equal(parse({ [key]: max + 1 }).warnings.length, 1);
    }
  });

  it('takes a model as provider/model or demo, and says what else is wrong', () => {
    assert.equal(parse({ model: 'openrouter/meta/llama' }).settings.model, 'openrouter/meta/llama');
    assert.equal(parse({ model: 'demo' }).settings.model, 'demo');
    assert.match(parse({ model: 'gpt' }).warnings[0] ?? '', /provider\/model/);
  });

  it('takes only web addresses for a server', () => {
    assert.equal(
      parse({ 'server.url': 'http://127.0.0.1:4096' }).settings.server.url,
      'http://127.0.0.1:4096',
    );
    assert.equal(parse({ 'server.url': 'file:///etc/passwd' }).settings.server.url, '');
  });

  it('takes each mode of recovery, and auto for anything else, with one warning', () => {
    assert.equal(parse({}).settings.recovery.mode, 'auto');
    for (const mode of ['auto', 'ask', 'off']) {
      const { settings, warnings } = parse({ 'recovery.mode': mode });
      assert.deepEqual([settings.recovery.mode, warnings], [mode, []]);
    }
    for (const bad of ['never', 'AUTO', true, 3, {}]) {
      const { settings, warnings } = parse({ 'recovery.mode': bad });
      assert.equal(settings.recovery.mode, 'auto');
      assert.equal(warnings.length, 1);
      assert.match(warnings[0] ?? '', /^holdfast\.recovery\.mode is /);
    }
  });
});
