import type { JSX } from 'preact';

/** A line for screen readers; `key` tells equal texts apart. */
export interface Announcement {
  readonly key: number;
  readonly text: string;
}

/** Says politely what was announced. The region stays in the page, since only changes inside one are heard. */
export function Announcer({ announcements }: { announcements: readonly Announcement[] }): JSX.Element {
  return (
    <div
      class="visually-hidden"
      role="status"
      aria-live="polite"
      aria-atomic="false"
      aria-relevant="additions"
    >
      {announcements.map(({ key, text }) => (
        <p key={key}>{text}</p>
      ))}
    </div>
  );
}
