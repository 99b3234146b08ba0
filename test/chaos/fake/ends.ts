/** How the work of a session ends other than by itself. */
import type { FakeServer } from './server.ts';
import type { StoredTool } from './store.ts';

/** Thrown out of everything that is waited for: somebody has stopped it. */
export class Aborted extends Error {}

/** A permission was refused: the turn ends with this step (OPENCODE.md 3.2). */
export class Rejected extends Error {}

/** What an abort makes of a call that has not ended: a command counts as completed, whatever it has done (6). */
export function cutShort(server: FakeServer, part: StoredTool): void {
  const { status, input, metadata, time } = part.state;
  if (status === 'completed' || status === 'error') return;
  const now = server.world.time.now();
  const ended = { start: time?.start ?? now, end: now };
  if (part.tool === 'bash' && metadata !== undefined) {
    const output = '<shell_metadata>User aborted the command</shell_metadata>';
    part.state = { status: 'completed', input, output, metadata, time: ended };
  } else {
    const error = part.tool === 'task' ? 'Task cancelled' : 'Tool execution aborted';
    part.state = { status: 'error', input, error, metadata: { ...metadata, interrupted: true }, time: ended };
  }
  server.emitPart(part);
}
