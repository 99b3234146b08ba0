import { readdirSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './paths.mjs';

/** @typedef {import('./setup.mjs').Part} Part */
/**
 * @typedef {object} Suite
 * @property {string} name its folder under `test/`
 * @property {number} timeoutMs of one test
 * @property {readonly Part[]} parts that must be installed
 * @property {boolean} dist whether it runs what is in `dist/`, the VSIX included
 */

/** @type {readonly Part[]} */
const EVERYTHING = ['packages', 'engine', 'workbench', 'browser'];
/** For suites nobody has described here. @type {Omit<Suite, 'name'>} */
const UNKNOWN = { timeoutMs: 60_000, parts: EVERYTHING, dist: true };

/** In the order they run: the quick ones first. @type {readonly Suite[]} */
const KNOWN = [
  { name: 'unit', timeoutMs: 5_000, parts: ['packages'], dist: false },
  { name: 'contract', timeoutMs: 5_000, parts: ['packages'], dist: false },
  { name: 'cli', timeoutMs: 30_000, parts: ['packages', 'engine', 'workbench'], dist: true },
  { name: 'engine', timeoutMs: 60_000, parts: ['packages', 'engine', 'workbench'], dist: true }, // the workbench brings rg
  { name: 'chaos', timeoutMs: 120_000, parts: ['packages', 'engine', 'workbench'], dist: true },
  { name: 'host', timeoutMs: 60_000, parts: EVERYTHING, dist: true },
  { name: 'ui', timeoutMs: 120_000, parts: EVERYTHING, dist: true },
];

/**
 * @param {string} suite
 * @returns {string[]} absolute paths of its test files
 */
export function suiteFiles(suite) {
  const folder = path.join(ROOT, 'test', suite);
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => /\.test\.tsx?$/.test(file))
    .sort()
    .map((file) => path.join(folder, file));
}

/** @returns {Suite[]} every folder under `test/` that holds tests */
export function findSuites() {
  const entries = readdirSync(path.join(ROOT, 'test'), { withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isDirectory() && entry.name !== 'rig')
    .map((entry) => entry.name);
  const present = new Set(names.filter((name) => suiteFiles(name).length > 0));
  const known = KNOWN.filter((suite) => present.delete(suite.name));
  return [...known, ...[...present].sort().map((name) => ({ ...UNKNOWN, name }))];
}
