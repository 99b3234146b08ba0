import type { JSX } from 'preact';
import { useId } from 'preact/hooks';
import type { CardAction, Row } from '../../src/core/protocol.ts';
import { useRun } from './context.ts';
import { Disclosure } from './disclosure.tsx';
import { Icon } from './icons.tsx';
import { inlineCode } from './inline-code.tsx';

export const ACTION_LABELS: Readonly<Record<CardAction, string>> = {
  'restart-server': 'Restart Server',
  'end-leftovers': 'End Them',
  'take-over': 'Take Over',
  'show-log': 'Show Log',
  'show-transcript': 'Show Transcript',
  'run-review': 'Run Review',
  'open-settings': 'Open Settings',
  continue: 'Continue',
  'keep-as-is': 'Keep as It Is',
};

const TONE_ICONS = { info: 'info', warn: 'warning', error: 'error' } as const;

export function CardRow({ row }: { row: Extract<Row, { kind: 'card' }> }): JSX.Element {
  const { host } = useRun();
  const heading = useId();
  return (
    <section class={`card card-${row.tone}`} aria-labelledby={heading}>
      <h2 class="card-title" id={heading}>
        <Icon name={TONE_ICONS[row.tone]} class="card-icon" />
        {row.title}
      </h2>
      {row.text !== '' && <p class="card-text">{inlineCode(row.text)}</p>}
      {row.facts.length > 0 && (
        <dl class="facts">
          {row.facts.map((fact, index) => (
            <div key={index} class="fact">
              <dt>{fact.label}</dt>
              <dd>{inlineCode(fact.value)}</dd>
            </div>
          ))}
        </dl>
      )}
      {row.details !== undefined && row.details !== '' && (
        <Disclosure id={`${row.id}/details`} class="details" label="Details">
          {() => (
            <pre class="output" tabIndex={0} aria-label="Details">
              {row.details}
            </pre>
          )}
        </Disclosure>
      )}
      {row.actions.length > 0 && (
        <div class="actions">
          {row.actions.map((action, index) => (
            <button
              key={action}
              type="button"
              class={`button ${index === 0 ? 'button-primary' : ''}`}
              onClick={() => host.post({ type: 'action', action })}
            >
              {ACTION_LABELS[action]}
            </button>
          ))}
        </div>
      )}
    </section>
  );
}
