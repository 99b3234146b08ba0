import type { JSX } from 'preact';
import type { Header } from '../../src/core/protocol.ts';
import { outcomeWord } from '../announce.ts';
import { formatClock, formatCost, formatTokens } from '../time.ts';
import { useHostNow } from './context.ts';
import { Icon } from './icons.tsx';
import { memo } from './memo.ts';

export const RunHeader = memo(({ header }: { header: Header }): JSX.Element => {
  return (
    <header class="run-header">
      <div class="title-line">
        <div class="title">
          <h1 title={header.title}>{header.title}</h1>
          {header.outcome !== undefined && (
            <span class={`badge outcome-${header.outcome}`}>{outcomeWord(header.outcome)}</span>
          )}
        </div>
        <Usage header={header} />
      </div>
      {header.scope !== '' && (
        <div class="scope" title={header.scope}>
          {header.scope}
        </div>
      )}
      {header.demo && (
        <div class="demo">
          <span class="badge demo-badge">DEMO</span>
          Demo model: simple rules, no AI
        </div>
      )}
      {header.phases.length > 0 && <Phases phases={header.phases} live={header.endedAt === undefined} />}
    </header>
  );
});

function Usage({ header }: { header: Header }): JSX.Element {
  const now = useHostNow(header.endedAt === undefined);
  const elapsed = formatClock((header.endedAt ?? now) - header.startedAt);
  const parts = [elapsed, formatTokens(header.tokens), formatCost(header.cost)].filter((part) => part !== '');
  return <span class="usage">{parts.join(' · ')}</span>;
}

const PHASE_WORDS = { waiting: 'not begun', now: 'now', done: 'done', failed: 'failed' } as const;

function Phases({ phases, live }: { phases: Header['phases']; live: boolean }): JSX.Element {
  return (
    <ol class="phases" aria-label="Phases">
      {phases.map((phase) => (
        <li
          key={phase.title}
          class={`phase phase-${phase.state}${live ? ' phase-live' : ''}`}
          aria-current={phase.state === 'now' ? 'step' : undefined}
          title={`${phase.title}: ${PHASE_WORDS[phase.state]}`}
        >
          {phase.state === 'done' && <Icon name="check" />}
          {phase.state === 'failed' && <Icon name="cross" />}
          <span class="phase-title">{phase.title}</span>
          <span class="visually-hidden">, {PHASE_WORDS[phase.state]}</span>
        </li>
      ))}
    </ol>
  );
}
