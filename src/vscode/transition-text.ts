import type { ServerView } from '../core/server/view.ts';

/** One line of the log: `server ready → stopped (generation 2, exit signal SIGKILL): The server was killed.` */
export function transitionText(before: ServerView, after: ServerView): string {
  const facts = [`generation ${after.generation}`];
  if (after.pid !== undefined && after.pid !== before.pid) facts.push(`pid ${after.pid}`);
  if (after.exit !== undefined && after.exit !== before.exit) facts.push(`exit ${exitText(after.exit)}`);
  if (after.budget !== undefined && after.budget.used > 0)
    facts.push(`restarts ${after.budget.used} of ${after.budget.limit}`);
  const reason = after.reason === undefined ? '' : `: ${after.reason}`;
  return `server ${before.state} → ${after.state} (${facts.join(', ')})${reason}`;
}

function exitText({ code, signal }: NonNullable<ServerView['exit']>): string {
  if (signal !== undefined) return `signal ${signal}`;
  return code === undefined ? 'unseen' : `code ${code}`;
}
