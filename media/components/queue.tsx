import type { JSX } from 'preact';
import type { Header } from '../../src/core/protocol.ts';
import { useRun } from './context.ts';
import { Icon } from './icons.tsx';
import { memo } from './memo.ts';

/** The prompts that wait for the end of a turn, in the order they are sent. */
export const PromptQueue = memo(({ header }: { header: Header }): JSX.Element | null => {
  const { host, runId } = useRun();
  const { items, paused } = header.queue;
  if (items.length === 0) return null;
  const isOurs = !header.canTakeOver;
  return (
    <section class="queue" aria-label="Queued prompts">
      <div class="queue-head">
        <span class="queue-title">
          {paused !== undefined && <Icon name="warning" class="queue-warning" />}
          {paused === undefined ? 'Queued: sent when the turn ends' : `Queue paused: ${paused}.`}
        </span>
        {paused !== undefined && isOurs && (
          <button
            type="button"
            class="button queue-resume"
            onClick={(event) => {
              parting(event.currentTarget);
              host.post({ type: 'resume-queue', runId });
            }}
          >
            Resume Queue
          </button>
        )}
      </div>
      <ol class="queue-items">
        {items.map(({ id, text }, index) => (
          <li key={id} class="queue-item">
            <span class="queue-number" aria-hidden="true">
              {index + 1}
            </span>
            <span class="queue-text" title={text}>
              {text}
            </span>
            {isOurs && (
              <>
                <button
                  type="button"
                  class="link-button"
                  aria-label={`Edit queued prompt ${index + 1}`}
                  onClick={() => host.post({ type: 'edit-queued', runId, id })}
                >
                  Edit
                </button>
                <button
                  type="button"
                  class="link-button queue-remove"
                  aria-label={`Remove queued prompt ${index + 1}`}
                  onClick={(event) => {
                    parting(event.currentTarget);
                    host.post({ type: 'remove-queued', runId, id });
                  }}
                >
                  Remove
                </button>
              </>
            )}
          </li>
        ))}
      </ol>
    </section>
  );
});

/** Hands the keyboard on before a button goes away: to the same one of the next prompt, else to the box. */
function parting(button: HTMLElement): void {
  const item = button.closest('.queue-item');
  const next = (item?.nextElementSibling ?? item?.previousElementSibling)?.querySelector<HTMLElement>(
    '.queue-remove',
  );
  (next ?? document.querySelector<HTMLElement>('.prompt-text'))?.focus();
}
