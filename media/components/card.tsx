import type { ComponentChildren, JSX } from 'preact';
import { useId } from 'preact/hooks';
import { isAsking } from '../announce.ts';
import type { CardAction, Row } from '../../src/core/protocol.ts';
import { useRun } from './context.ts';
import { Disclosure } from './disclosure.tsx';
import { Icon } from './icons.tsx';
import { inlineCode } from './inline-code.tsx';
import { useFolding, useParting } from './use-folding.ts';
import { useReply } from './use-reply.ts';

type Card = Extract<Row, { kind: 'card' }>;

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

export function CardRow({ row }: { row: Card }): JSX.Element {
  const { host } = useRun();
  const heading = useId();
  const asks = isAsking(row);
  const { card, given, give } = useReply(row, asks);
  const isFolded = row.folded === true;
  // What can wait does not compete with what the turn waits for.
  const isPressing = asks || row.tone === 'error';
  useFolding(card, isFolded);
  useParting(card);
  const act = (action: CardAction): void => {
    if (asks && action !== 'show-log') give();
    host.post({ type: 'action', action });
  };
  if (isFolded) {
    return (
      <section ref={card} class="card-folded">
        <Disclosure id={`${row.id}/card`} label={<span class="card-line">{row.title}</span>}>
          {() => (
            <div class="card-inside">
              <Content row={row} />
            </div>
          )}
        </Disclosure>
      </section>
    );
  }
  return (
    <section
      ref={card}
      tabIndex={-1}
      class={`card card-${row.tone}`}
      aria-labelledby={heading}
      data-ask={asks ? (given ? 'sent' : 'open') : undefined}
    >
      <h2 class="card-title" id={heading}>
        <Icon name={TONE_ICONS[row.tone]} class="card-icon" />
        {row.title}
        {asks && <span class="card-aside">{given ? 'sending…' : 'needs you'}</span>}
      </h2>
      <Content row={row} />
      {row.actions.length > 0 && (
        <div class="actions">
          {row.actions.map((action, index) => (
            <button
              key={action}
              type="button"
              class={`button ${index === 0 && isPressing ? 'button-primary' : ''}`}
              disabled={given && action !== 'show-log'}
              onClick={() => act(action)}
            >
              {ACTION_LABELS[action]}
            </button>
          ))}
        </div>
      )}
    </section>
  );
}

function Content({ row }: { row: Card }): JSX.Element {
  return (
    <>
      {row.text !== '' && <p class="card-text">{inlineCode(row.text)}</p>}
      {row.facts.length > 0 && (
        <dl class="facts">
          {row.facts.map((fact, index) => (
            <div key={index} class="fact">
              <dt>{fact.label}</dt>
              <dd>{factValue(fact.value)}</dd>
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
    </>
  );
}

/** A value that is code from end to end may hold backticks of its own: a command that somebody is to judge. */
function factValue(value: string): ComponentChildren {
  const whole = /^`(.+)`$/s.exec(value)?.[1];
  return whole === undefined ? inlineCode(value) : <code>{whole}</code>;
}
