import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import { layout, type Group, type Section } from '../layout.ts';
import type { Entry } from '../store.ts';
import { count } from '../time.ts';
import { ACTION_LABELS } from './card.tsx';
import { useRun } from './context.ts';
import { Icon, Spinner } from './icons.tsx';
import { memo } from './memo.ts';
import { RowView, type SingleRow } from './rows.tsx';
import { ToolBox } from './tools.tsx';
import { useStick } from './use-stick.ts';

interface TranscriptProps {
  entries: readonly Entry[];
  droppedRows: number;
  /** What goes on that no row shows. */
  underWay: string | undefined;
}

/** The rows of a run, oldest first. */
export const Transcript = memo(({ entries, droppedRows, underWay }: TranscriptProps): JSX.Element => {
  const { host, runId } = useRun();
  const sections = useRef<readonly Section[]>([]);
  sections.current = layout(entries, sections.current);
  const { scroller, content, atEnd, jump } = useStick(host.ui(runId).scroll, (scroll) =>
    host.keep(runId, { scroll }),
  );
  return (
    <div class="transcript-frame">
      <main class="transcript" ref={scroller} tabIndex={0} aria-label="Turn">
        <div class="transcript-content" ref={content}>
          {droppedRows > 0 && (
            <div class="dropped">
              {count(droppedRows, 'earlier row')} left out here.{' '}
              <button
                type="button"
                class="link-button"
                onClick={() => host.post({ type: 'action', action: 'show-transcript' })}
              >
                {ACTION_LABELS['show-transcript']}
              </button>
            </div>
          )}
          {sections.current.map((section) => (
            <SectionView key={section.key} section={section} />
          ))}
          {underWay !== undefined && (
            <div class="under-way">
              <Spinner />
              {underWay}
            </div>
          )}
        </div>
      </main>
      {!atEnd && (
        <button type="button" class="button jump" onClick={jump}>
          <Icon name="down" />
          Jump to latest
        </button>
      )}
    </div>
  );
});

const SectionView = memo(({ section }: { section: Section }): JSX.Element => {
  return (
    <div class="section">
      {section.groups.map((group) => (
        <GroupView key={group.key} group={group} />
      ))}
    </div>
  );
});

const GroupView = memo(({ group }: { group: Group }): JSX.Element => {
  if (group.kind === 'tools') return <ToolBox rows={group.rows} />;
  return <RowView row={group.entry.row as SingleRow} />;
});
