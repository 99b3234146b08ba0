import type { RefObject } from 'preact';
import { useCallback, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { ScrollPlace } from '../host.ts';

/** How near to the end counts as being there, CSS pixels: rounding at odd zoom levels stays below it. */
const NEAR_END = 4;

/** Time without scrolling after which the place is remembered. */
const SETTLE_MS = 200;

interface Stick {
  readonly scroller: RefObject<HTMLElement>;
  readonly content: RefObject<HTMLDivElement>;
  /** Whether the end is in view and stays there as rows arrive. */
  readonly atEnd: boolean;
  readonly jump: () => void;
}

/**
 * Keeps the end in view while the user is there, and the user's place otherwise. Any move up lets go; coming
 * back to the end takes hold again. `start` is where to begin, `onSettle` hears where scrolling came to rest.
 */
export function useStick(start: ScrollPlace, onSettle: (place: ScrollPlace) => void): Stick {
  const scroller = useRef<HTMLElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const sticking = useRef(start.at === 'end');
  const [atEnd, setAtEnd] = useState(sticking.current);

  const stick = useCallback((next: boolean) => {
    sticking.current = next;
    setAtEnd(next);
  }, []);
  const jump = useCallback(() => {
    stick(true);
    toEnd(scroller.current);
  }, []);

  useLayoutEffect(() => {
    const view = scroller.current;
    const inner = content.current;
    if (view === null || inner === null) return undefined;
    if (start.at === 'end') toEnd(view);
    else toRow(view, start);

    let lastTop = view.scrollTop;
    let lastHeight = view.scrollHeight;
    let settle: number | undefined;
    const onScroll = (): void => {
      const { scrollTop, scrollHeight } = view;
      const distance = scrollHeight - view.clientHeight - scrollTop;
      if (distance <= NEAR_END) stick(true);
      // Content that shrinks moves the view up as well; that is not the user letting go.
      else if (scrollTop < lastTop && scrollHeight >= lastHeight) stick(false);
      lastTop = scrollTop;
      lastHeight = scrollHeight;
      window.clearTimeout(settle);
      settle = window.setTimeout(() => onSettle(sticking.current ? { at: 'end' } : placeOf(view)), SETTLE_MS);
    };
    const onResize = new ResizeObserver(() => {
      if (sticking.current) toEnd(view);
      else stick(view.scrollHeight - view.clientHeight - view.scrollTop <= NEAR_END);
    });
    view.addEventListener('scroll', onScroll, { passive: true });
    onResize.observe(view);
    onResize.observe(inner);
    return () => {
      window.clearTimeout(settle);
      view.removeEventListener('scroll', onScroll);
      onResize.disconnect();
    };
  }, []);
  return { scroller, content, atEnd, jump };
}

function toEnd(view: HTMLElement | null): void {
  if (view !== null) view.scrollTop = view.scrollHeight;
}

function toRow(view: HTMLElement, place: Extract<ScrollPlace, { at: 'row' }>): void {
  const row = view.querySelector(`[data-row="${CSS.escape(place.id)}"]`);
  if (row === null) return;
  view.scrollTop += row.getBoundingClientRect().top - view.getBoundingClientRect().top - place.offset;
}

/** The topmost row in view. */
function placeOf(view: HTMLElement): ScrollPlace {
  const frame = view.getBoundingClientRect();
  for (let y = frame.top + 2; y < frame.bottom; y += 12) {
    const row = document
      .elementFromPoint(frame.left + frame.width / 2, y)
      ?.closest<HTMLElement>('[data-row]');
    const id = row?.dataset['row'];
    if (row && id !== undefined)
      return { at: 'row', id, offset: row.getBoundingClientRect().top - frame.top };
  }
  return { at: 'end' };
}
