import type { JSX } from 'preact';

/** Drawn shapes: no icon font has to be loaded, and forced colours reach them through `currentColor`. */
const PATHS = {
  check: 'M3.2 8.6l3 3 6.6-7.2',
  cross: 'M4 4l8 8M12 4l-8 8',
  unknown: 'M5.6 6.1a2.4 2.4 0 1 1 3.5 2.1c-.7.4-1.1.8-1.1 1.7M8 12.4v.1',
  chevron: 'M6 3.8l4.2 4.2L6 12.2',
  warning: 'M8 2.6l6 10.9H2zM8 6.6v3.4M8 11.9v.1',
  error: 'M8 2.2a5.8 5.8 0 1 1 0 11.6A5.8 5.8 0 0 1 8 2.2zM5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4',
  info: 'M8 2.2a5.8 5.8 0 1 1 0 11.6A5.8 5.8 0 0 1 8 2.2zM8 7.4v3.8M8 4.9v.1',
  down: 'M8 3v9.4M4.2 8.8L8 12.6l3.8-3.8',
  circle: 'M8 3.2a4.8 4.8 0 1 1 0 9.6 4.8 4.8 0 0 1 0-9.6z',
} as const;
export type IconName = keyof typeof PATHS;

export function Icon({ name, class: className = '' }: { name: IconName; class?: string }): JSX.Element {
  return (
    <svg
      class={`icon ${className}`}
      viewBox="0 0 16 16"
      width="16"
      height="16"
      aria-hidden="true"
      focusable="false"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}

/** Turns, or stands as a ring with one bright quarter where motion is unwanted. */
export function Spinner(): JSX.Element {
  return (
    <svg class="icon spinner" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <circle class="spinner-track" cx="8" cy="8" r="5" />
      <path class="spinner-arc" d="M8 3a5 5 0 0 1 5 5" />
    </svg>
  );
}
