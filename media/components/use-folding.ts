import type { RefObject } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

/** Short enough to be no wait, long enough for the eye to follow what moves up below, ms. */
const FOLD_MS = 160;

/**
 * Draws an element together when it is folded, so that what stands below does not jump, and hands the keyboard to the
 * first button that is left in it. Nothing moves where motion is unwanted.
 */
export function useFolding(element: RefObject<HTMLElement>, isFolded: boolean): void {
  const before = useRef({ isFolded, height: 0, hadFocus: false });
  // Of the element as it was drawn last: a change of the row may have taken the focused button away already.
  const { current: last } = before;
  last.hadFocus = element.current?.contains(document.activeElement) ?? false;
  last.height = element.current?.offsetHeight ?? 0;
  useLayoutEffect(() => {
    const { current: shown } = element;
    const folds = isFolded && !last.isFolded;
    last.isFolded = isFolded;
    if (!folds || shown === null) return;
    if (last.hadFocus) shown.querySelector('button')?.focus({ preventScroll: true });
    if (isStill()) return;
    const heights = [`${last.height}px`, `${shown.offsetHeight}px`];
    shown.animate({ height: heights, overflow: ['clip', 'clip'] }, { duration: FOLD_MS, easing: 'ease-out' });
  });
}

/** Hands the keyboard to the prompt when an element that has it goes away. */
export function useParting(element: RefObject<HTMLElement>): void {
  useLayoutEffect(
    () => () => {
      if (element.current?.contains(document.activeElement) !== true) return;
      queueMicrotask(() => document.querySelector<HTMLElement>('.prompt-text')?.focus());
    },
    [element],
  );
}

function isStill(): boolean {
  return (
    document.body.classList.contains('vscode-reduce-motion') ||
    matchMedia('(prefers-reduced-motion: reduce)').matches
  );
}
