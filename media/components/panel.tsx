import type { JSX } from 'preact';
import { useMemo, useRef } from 'preact/hooks';
import type { Host } from '../host.ts';
import type { PanelState } from '../store.ts';
import { underWay } from '../under-way.ts';
import { Activity } from './activity.tsx';
import { Announcer, type Announcement } from './announcer.tsx';
import { RunProvider, type RunContext } from './context.ts';
import { Empty } from './empty.tsx';
import { RunHeader } from './header.tsx';
import { PromptBox } from './prompt-box.tsx';
import { PromptQueue } from './queue.tsx';
import { StatusLine } from './status-line.tsx';
import { Transcript } from './transcript.tsx';

interface PanelProps {
  host: Host;
  state: PanelState;
  announcements: readonly Announcement[];
}

export function Panel({ host, state, announcements }: PanelProps): JSX.Element {
  const { shown } = state;
  return (
    <>
      <Announcer announcements={announcements} />
      {shown.kind === 'empty' && <Empty host={host} />}
      {shown.kind === 'run' && <Run key={shown.header.runId} host={host} state={state} shown={shown} />}
    </>
  );
}

interface RunProps {
  host: Host;
  state: PanelState;
  shown: Extract<PanelState['shown'], { kind: 'run' }>;
}

function Run({ host, state, shown }: RunProps): JSX.Element {
  const { header, entries } = shown;
  const clock = useRef({ offset: 0 }).current;
  clock.offset = state.clockOffset;
  const context = useMemo((): RunContext => ({ host, runId: header.runId, clock }), [host, header.runId]);
  return (
    <RunProvider value={context}>
      <div class="run" data-turn={header.turn}>
        <RunHeader header={header} />
        <Transcript
          entries={entries}
          droppedRows={header.droppedRows}
          underWay={underWay(header, entries.length > 0)}
        />
        <footer class="run-footer">
          <Activity header={header} />
          <PromptQueue header={header} />
          <PromptBox header={header} draft={state.draft} inserted={state.inserted} />
          <StatusLine header={header} />
        </footer>
      </div>
    </RunProvider>
  );
}
