/** How far the host's copy of the draft may be behind the keys, ms; its way to the disk comes on top. */
export const DRAFT_DELAY_MS = 250;

/** @returns what puts the timer off for good. */
export type SetTimer = (ms: number, then: () => void) => () => void;

/**
 * Hands what is typed to the host, which puts it on disk at once. The delay runs from the first key that the host does
 * not know, and is not put off by further ones: however long somebody types, the host is never behind for longer.
 */
export class DraftSaver {
  readonly #post: (text: string) => void;
  readonly #setTimer: SetTimer;
  /** What the host has. */
  #saved: string;
  #typed: string;
  #cancel: (() => void) | undefined;

  constructor(initial: string, post: (text: string) => void, setTimer: SetTimer) {
    this.#saved = initial;
    this.#typed = initial;
    this.#post = post;
    this.#setTimer = setTimer;
  }

  type(text: string): void {
    this.#typed = text;
    if (text !== this.#saved) this.#cancel ??= this.#setTimer(DRAFT_DELAY_MS, () => this.flush());
  }

  /** At once: the panel goes away, or the text is about to be sent. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#typed === this.#saved) return;
    this.#saved = this.#typed;
    this.#post(this.#typed);
  }

  /** The host keeps drafts in another place from here on: what is typed goes there too. */
  moved(): void {
    if (this.#typed === '') return;
    this.#saved = this.#typed;
    this.#post(this.#typed);
  }

  /** The box was emptied because the host has taken its text: that is nothing new to tell. */
  taken(): void {
    this.#typed = '';
    this.#saved = '';
  }
}
