import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

/** How long a reply that the host has not taken keeps the buttons closed: it may have failed, and is then given again. */
const PATIENCE_MS = 5000;

interface Reply {
  /** The card, which keeps the keyboard when its buttons go. */
  readonly card: RefObject<HTMLElement>;
  /** Whether a reply to this very row is on its way. */
  readonly given: boolean;
  /** To be called with the reply: closes the ask against a second one. */
  readonly give: () => void;
}

/** One reply per ask: a row that the host shows again as open is another value, and open again. */
export function useReply(row: object, isOpen: boolean): Reply {
  const card = useRef<HTMLElement>(null);
  const [replied, setReplied] = useState<object | undefined>(undefined);
  useEffect(() => {
    if (replied === undefined) return undefined;
    const timer = window.setTimeout(() => setReplied(undefined), PATIENCE_MS);
    return () => window.clearTimeout(timer);
  }, [replied]);
  const give = (): void => {
    setReplied(row);
    card.current?.focus();
  };
  return { card, given: replied === row && isOpen, give };
}
