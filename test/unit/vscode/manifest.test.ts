import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import {
  CHOICE_SETTINGS,
  NUMBER_SETTINGS,
  parseSettings,
  TEXT_SETTINGS,
} from '../../../src/core/settings.ts';
import { readManifest } from './manifest.ts';
import { readTable, settingsTable, writeTable } from './settings-table.ts';

describe('The manifest', () => {
  const manifest = readManifest();
  const { contributes } = manifest;
  const { properties } = contributes.configuration;
  const commands = new Set(contributes.commands.map(({ command }) => command));
  /** Registered and not in the palette: links of welcome views lead there. */
  const internal = new Set(['holdfast.useDemoModel']);

  it('has the settings that the core reads, with its ranges and defaults', () => {
    for (const { key, min, max, fallback } of Object.values(NUMBER_SETTINGS)) {
      const { type, minimum, maximum, default: value } = properties[`holdfast.${key}`] ?? {};
      assert.deepEqual(
        { type, minimum, maximum, value },
        { type: 'integer', minimum: min, maximum: max, value: fallback },
        key,
      );
    }
    for (const { key, values, fallback } of Object.values(CHOICE_SETTINGS)) {
      const { type, enum: choices, default: value } = properties[`holdfast.${key}`] ?? {};
      assert.deepEqual(
        { type, choices, value },
        { type: 'string', choices: [...values], value: fallback },
        key,
      );
    }
    for (const key of Object.values(TEXT_SETTINGS)) {
      const { type, default: value } = properties[`holdfast.${key}`] ?? {};
      assert.deepEqual({ type, value }, { type: 'string', value: '' }, key);
    }
  });

  it('has no setting that nothing reads', () => {
    const read = new Set(['notifications']);
    parseSettings((key) => void read.add(key));
    assert.deepEqual(
      Object.keys(properties).toSorted(),
      [...read].map((key) => `holdfast.${key}`).toSorted(),
    );
  });

  it('has defaults that are taken without a warning', () => {
    const { warnings } = parseSettings((key) => properties[`holdfast.${key}`]?.default);
    assert.deepEqual(warnings, []);
  });

  it('lets no repository choose what is executed, or which server is talked to', () => {
    for (const key of ['engine.path', 'engine.startTimeout', 'server.url'])
      assert.equal(properties[`holdfast.${key}`]?.scope, 'machine', key);
  });

  it('describes each setting in one sentence', () => {
    for (const [key, { markdownDescription: text }] of Object.entries(properties)) {
      assert.match(text, /^[A-Z][^.!?]*(?:\.\S[^.!?]*)*\.$/, key);
    }
  });

  it('stands in the README; to renew the table there: HOLDFAST_WRITE=1 npm test -- unit -g README', () => {
    const table = settingsTable(manifest);
    if (process.env['HOLDFAST_WRITE'] === '1') writeTable(table);
    assert.equal(readTable(), table);
  });

  it('is never activated by everything, and works in trusted folders on disk alone, with the reason said', () => {
    // After the start, and for a handful of milliseconds: a turn of before a reload has to be found again.
    assert.deepEqual(manifest.activationEvents, ['onStartupFinished', 'onWebviewPanel:holdfast.panel']);
    assert.deepEqual(manifest.extensionKind, ['workspace']);
    for (const { supported, description } of Object.values(manifest.capabilities)) {
      assert.equal(supported, false);
      assert.match(description, /\.$/);
    }
  });

  it('has commands of one category, in title case', () => {
    for (const { command, title, category } of contributes.commands) {
      assert.equal(category, 'Holdfast', command);
      for (const word of title.split(' ')) assert.match(word, /^(?:[A-Z]|to\b|the\b)/, title);
    }
  });

  it('points at nothing that is not there', () => {
    const used = [
      ...contributes.keybindings.map(({ command }) => command),
      ...Object.values(contributes.menus).flatMap((menu) => menu.map(({ command }) => command)),
      ...[
        ...contributes.viewsWelcome.map(({ contents }) => contents),
        ...contributes.walkthroughs[0]!.steps.map(({ description }) => description),
      ].flatMap((text) => [...text.matchAll(/\(command:(holdfast\.\w+)\)/g)].map((match) => match[1] ?? '')),
    ];
    assert.deepEqual(
      used.filter((command) => !commands.has(command) && !internal.has(command)),
      [],
    );
    for (const { media } of contributes.walkthroughs[0]!.steps)
      assert.ok(existsSync(media.markdown), media.markdown);
  });

  it('gives keys to commands that apply, each its own', () => {
    const keys = contributes.keybindings.map(({ key }) => key);
    assert.equal(new Set(keys).size, keys.length);
    for (const { command, when } of contributes.keybindings) assert.ok(when, command);
  });
});
