import type { JSX } from 'preact';
import { useId } from 'preact/hooks';
import type { Row } from '../../src/core/protocol.ts';
import { useRun } from './context.ts';
import { Icon } from './icons.tsx';
import { useReply } from './use-reply.ts';

type Permission = Extract<Row, { kind: 'permission' }>;

const TITLES: Readonly<Record<string, string>> = {
  bash: 'Allow this command?',
  edit: 'Allow this edit?',
  write: 'Allow this edit?',
  read: 'Allow reading this?',
  webfetch: 'Allow fetching this page?',
  websearch: 'Allow this web search?',
  external_directory: 'Allow access outside the workspace?',
  doom_loop: 'Allow the same call again?',
};

const STATES: Readonly<Record<Permission['state'], string>> = {
  open: 'needs you',
  sent: 'sending…',
  allowed: 'allowed',
  denied: 'denied',
  gone: 'no longer asked',
};

export function PermissionRow({ row }: { row: Permission }): JSX.Element {
  const { host } = useRun();
  const heading = useId();
  const { card, given, give } = useReply(row, row.state === 'open');
  const state = given ? 'sent' : row.state;
  const open = state === 'open';
  const reply = (answer: 'once' | 'always' | 'reject'): void => {
    give();
    host.post({ type: 'permission', askId: row.askId, reply: answer });
  };
  const isOver = !open && state !== 'sent';
  return (
    <section
      ref={card}
      tabIndex={-1}
      class={`card card-info ask ${isOver ? 'card-over' : ''}`}
      aria-labelledby={heading}
      data-ask={state}
    >
      <h2 class="card-title" id={heading}>
        {TITLES[row.permission] ?? `Allow ${row.permission}?`}
        <span class="card-aside">
          {state === 'allowed' && <Icon name="check" class="good" />}
          {state === 'denied' && <Icon name="cross" class="bad" />}
          {STATES[state]}
        </span>
      </h2>
      <dl class="facts">
        <div class="fact">
          <dt>{row.permission}</dt>
          <dd>
            {row.patterns.map((pattern, index) => (
              <code key={index} class="pattern">
                {pattern}
              </code>
            ))}
          </dd>
        </div>
        {!isOver && row.always.length > 0 && (
          <div class="fact">
            <dt>Always covers</dt>
            <dd>
              {row.always.map((pattern, index) => (
                <code key={index} class="pattern">
                  {pattern}
                </code>
              ))}
            </dd>
          </div>
        )}
      </dl>
      {!isOver && (
        <div class="actions">
          <button type="button" class="button button-primary" disabled={!open} onClick={() => reply('once')}>
            Allow once
          </button>
          {row.always.length > 0 && (
            <button type="button" class="button" disabled={!open} onClick={() => reply('always')}>
              Always here
            </button>
          )}
          <button type="button" class="button" disabled={!open} onClick={() => reply('reject')}>
            Deny
          </button>
        </div>
      )}
    </section>
  );
}
