/** Text of models, tools and files made fit for a terminal. */

/**
 * Control characters could move the cursor, rewrite what stands there or set the clipboard; bidirectional overrides
 * could show code in another order than it runs. Line feeds and tabs stay.
 */
// oxlint-disable-next-line no-control-regex -- these characters are the point
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** The text without anything that a terminal would act on. */
export function plain(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(UNSAFE, '');
}

/** The same on one line; columns keep their spaces. */
export function plainLine(text: string): string {
  return plain(text)
    .replaceAll(/\s*[\n\t]\s*/g, ' ')
    .trim();
}

/** One thing to tell, with the word that it is found by. */
export interface Line {
  /** At most eight characters. */
  label: string;
  text: string;
  tone?: 'good' | 'warn' | 'error';
}

const LABEL_WIDTH = 9;
const COLOURS = { good: 32, warn: 33, error: 31 };
const DIM = 2;

/** `label    text`, coloured when asked. */
export function formatLine({ label, text, tone }: Line, colour: boolean): string {
  const head = label.padEnd(LABEL_WIDTH);
  const body = plainLine(text);
  if (!colour) return `${head}${body}`;
  return `\u001b[${tone === undefined ? DIM : COLOURS[tone]}m${head}\u001b[0m${body}`;
}
