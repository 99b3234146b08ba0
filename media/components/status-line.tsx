import type { JSX } from 'preact';
import type { Header } from '../../src/core/protocol.ts';
import { formatClock } from '../time.ts';
import { useHostNow } from './context.ts';
import { memo } from './memo.ts';

/** From this share of the limit on, silence is shown as something to watch. */
const NOTABLE_SILENCE = 1 / 3;

/** The last line: what runs the turn, and how it is doing. */
export const StatusLine = memo(({ header }: { header: Header }): JSX.Element => {
  const now = useHostNow(header.turn === 'running' && header.progressAt !== undefined);
  const { text, notable } = turnStatus(header, now);
  return (
    <div class="status-line">
      <span class="status-engine" title={`${header.engine}, server ${header.server}`}>
        {header.engine}
      </span>
      <span class="status-model" title={header.model}>
        {header.model}
      </span>
      <span class={`status-turn ${notable ? 'status-notable' : ''}`}>{text}</span>
    </div>
  );
});

function turnStatus(header: Header, now: number): { text: string; notable: boolean } {
  switch (header.turn) {
    case 'running': {
      if (header.progressAt === undefined) return { text: 'working', notable: false };
      const silence = Math.max(0, now - header.progressAt);
      if (header.stallLimitMs <= 0) return { text: `silent ${formatClock(silence)}`, notable: false };
      return {
        text: `silent ${formatClock(silence)} of ${formatClock(header.stallLimitMs)}`,
        notable: silence >= header.stallLimitMs * NOTABLE_SILENCE,
      };
    }
    case 'sending':
      return { text: 'sending', notable: false };
    case 'waiting':
      return { text: 'waiting for you', notable: true };
    case 'recovering':
      return { text: 'recovering', notable: false };
    case 'stopping':
      return { text: 'stopping', notable: false };
    case 'none':
    case 'settled':
      return { text: `server ${header.server}`, notable: false };
  }
}
