import { styleText } from 'node:util';

/** @param {'red' | 'green'} colour @param {string} text */
const paint = (colour, text) => (process.stdout.isTTY ? styleText(colour, text) : text);

/** @typedef {{ name: string, passed: number, failed: number, seconds: number }} Row */

/** Collects what every part of a run came to, and prints it at the end. */
export class Tally {
  /** @type {Row[]} */
  #rows = [];

  /**
   * @param {string} name
   * @param {number} since when it began, by `Date.now()`
   * @param {{ passed: number, failed: number }} counts
   */
  add(name, since, { passed, failed }) {
    const row = { name, passed, failed, seconds: (Date.now() - since) / 1000 };
    this.#rows.push(row);
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
    process.stdout.write(`\n${[head, ...lines].join('\n')}\n\n${this.passed} passed, ${this.failed} failed\n`);
  }
}
