import { readFileSync, writeFileSync } from 'node:fs';
import type { Manifest, SettingSchema } from './manifest.ts';

const BEGIN = '<!-- settings -->';
const END = '<!-- /settings -->';

/** The README's table of settings, as the manifest has them. */
export function settingsTable(manifest: Manifest): string {
  const settings = Object.entries(manifest.contributes.configuration.properties).toSorted(
    ([, a], [, b]) => a.order - b.order,
  );
  const rows = settings.map(
    ([key, schema]) =>
      `| \`${key}\` | ${valueText(schema.default)} | ${rangeText(schema)} | ${schema.markdownDescription} |`,
  );
  return ['| setting | default | values | what it is |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

/** What stands between the markers of the README. */
export function readTable(): string {
  const text = readFileSync('README.md', 'utf8');
  return text.slice(text.indexOf(BEGIN) + BEGIN.length, text.indexOf(END)).trim();
}

export function writeTable(table: string): void {
  const text = readFileSync('README.md', 'utf8');
  const before = text.slice(0, text.indexOf(BEGIN) + BEGIN.length);
  writeFileSync('README.md', `${before}\n\n${table}\n\n${text.slice(text.indexOf(END))}`);
}

function valueText(value: unknown): string {
  return value === '' ? 'empty' : `\`${String(value)}\``;
}

function rangeText(schema: SettingSchema): string {
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(', ');
  if (schema.minimum !== undefined) return `${schema.minimum} to ${schema.maximum}`;
  return 'text';
}
