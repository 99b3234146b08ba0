import type { JSX } from 'preact';
import type { Host } from '../host.ts';
import { ACTION_LABELS } from './card.tsx';

/** No run is shown: one sentence and the way on. */
export function Empty({ host }: { host: Host }): JSX.Element {
  return (
    <main class="empty">
      <svg class="empty-mark" viewBox="0 0 24 24" width="48" height="48" aria-hidden="true" focusable="false">
        <circle cx="12" cy="4.75" r="2.25" />
        <path d="M12 7v14M8 10.5h8M3.75 13.25c.5 4.6 3.6 7.5 8.25 7.75 4.65-.25 7.75-3.15 8.25-7.75M3.75 13.25l-1.5 2.5M3.75 13.25l2.5 1.5M20.25 13.25l1.5 2.5M20.25 13.25l-2.5 1.5" />
      </svg>
      <h1>Review your uncommitted changes</h1>
      <p>An agent reads the changes on a local server and puts its findings where you work.</p>
      <button
        type="button"
        class="button button-primary"
        onClick={() => host.post({ type: 'action', action: 'run-review' })}
      >
        {ACTION_LABELS['run-review']}
      </button>
    </main>
  );
}
