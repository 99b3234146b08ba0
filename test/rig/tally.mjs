// as a whole: an import by name of what an older Node lacks would fail before `node-version.mjs` could speak
import util from 'node:util';

/** @param {'red' | 'green'} colour @param {string} text */
const paint = (colour, text) => (process.stdout.isTTY ? util.styleText(colour, text) : text);

/** @typedef {{ name: string, passed: number, failed: number, seconds: number }} Row */

/** Collects what every part of a run came to, and prints it at the end. */
export class Tally {
  /** @type {Row[]} */
  #rows = [];
  /** Titles of failed tests, repeated at the end: the place where they failed has scrolled away. @type {string[]} */
  #failures = [];

  /**
   * @param {string} name
   * @param {number} since when it began, by `Date.now()`
   * @param {{ passed: number, failed: number, failures?: string[] }} counts
   */
  add(name, since, { passed, failed, failures = [] }) {
    const row = { name, passed, failed, seconds: (Date.now() - since) / 1000 };
    this.#rows.push(row);
    this.#failures.push(...failures.map((title) => `${name}: ${title}`));
    const verdict = failed > 0 ? paint('red', 'failed') : paint('green', 'ok');
    process.stdout.write(`[test] ${name} … ${verdict} ${row.seconds.toFixed(1)} s\n`);
  }

  get passed() {
    return this.#rows.reduce((sum, row) => sum + row.passed, 0);
  }
  get failed() {
    return this.#rows.reduce((sum, row) => sum + row.failed, 0);
  }

  /** The table; its last line is for programs to read, so it carries no colour. */
  print() {
    const width = Math.max(4, ...this.#rows.map(({ name }) => name.length));
    const lines = this.#rows.map(({ name, passed, failed, seconds }) => {
      const line = `${name.padEnd(width)}  ${String(passed).padStart(6)}  ${String(failed).padStart(6)}  ${seconds.toFixed(1).padStart(7)}`;
      return failed > 0 ? paint('red', line) : line;
    });
    const head = `${'part'.padEnd(width)}  passed  failed  seconds`;
    const failures = this.#failures.map((title) => paint('red', title));
    process.stdout.write(`\n${[...failures, '', head, ...lines].join('\n')}\n\n`);
    process.stdout.write(`${this.passed} passed, ${this.failed} failed\n`);
  }
}
