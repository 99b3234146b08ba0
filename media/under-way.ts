import type { Header } from '../src/core/protocol.ts';

/**
 * What the run is doing while no row shows it: before its first row, and whenever its server is on its way.
 * Undefined when the rows speak for themselves or nothing is under way.
 */
export function underWay(header: Header, hasRows: boolean): string | undefined {
  if (!header.canStop) return undefined;
  if (header.turn === 'stopping') return hasRows ? undefined : 'Stopping …';
  switch (header.server) {
    case 'starting':
      return `Starting ${header.engine === '' ? 'the server' : header.engine} …`;
    case 'connecting':
      return 'Connecting to the server …';
  }
  if (hasRows) return undefined;
  // A review reads what changed before it needs a server.
  if (header.type === 'review' && (header.phases[0]?.state ?? 'now') === 'now')
    return 'Reading the changes …';
  return header.turn === 'none' ? 'Preparing the session …' : 'Waiting for the first answer …';
}
