/** A model that answers from what it is shown alone: whether the engine died in between makes no difference to it. */
import type { StoredMessage, StoredTool } from './store.ts';

/**
 * - `read`: looks at something
 * - `write`: a command that appends its key to the ledger; a process of its own
 * - `deploy`: the same, by a tool of an extension that runs inside of the server and that nobody can classify
 * - `task`: a sub-agent, which reads, and writes too where `inner` says so
 */
export interface Call {
  kind: 'read' | 'write' | 'deploy' | 'task';
  /** Unique in its point: what the ledger gets. */
  key: string;
  inner?: 'write';
}

/** What a turn does: groups of calls, the calls of a group made in one go. Its last word comes when all are done. */
export type Plan = readonly (readonly Call[])[];

/** Whether a call that did not end well is made again. The eager one makes every double deed visible. */
export type Temper = 'eager' | 'heedful';

export const TOOL_OF = { read: 'read', write: 'bash', deploy: 'acme_deploy', task: 'task' } as const;

export function inputOf({ kind, key, inner }: Call): Record<string, unknown> {
  switch (kind) {
    case 'read':
      return { filePath: `/w/${key}` };
    case 'write':
      return { command: `write ${key}`, key };
    case 'deploy':
      return { key };
    case 'task':
      return { description: `look into ${key}`, prompt: `Sub ${key}`, key, inner };
  }
}

/** The calls of the model's next answer; empty for its last word. */
export function nextCalls(messages: readonly StoredMessage[], plan: Plan, temper: Temper): readonly Call[] {
  const last = messages.findLastIndex(({ info }) => info.role === 'user');
  const made = messages
    .slice(last + 1)
    .flatMap(({ parts }) => parts.filter((part): part is StoredTool => part.type === 'tool'));
  const isDone = (call: Call): boolean =>
    made.some(({ tool, state }) => {
      if (tool !== TOOL_OF[call.kind] || !says(state.input, call)) return false;
      // A command that was aborted counts as completed in the engine (6), and says so itself.
      const isGood = state.status === 'completed' && state.output?.includes('aborted') !== true;
      return temper === 'heedful' || isGood;
    });
  return plan.map((group) => group.filter((call) => !isDone(call))).find(({ length }) => length > 0) ?? [];
}

/** A call whose arguments a death has emptied says nothing (OPENCODE.md 5). */
function says(input: Record<string, unknown>, { kind, key }: Call): boolean {
  return kind === 'read' ? input['filePath'] === `/w/${key}` : input['key'] === key;
}

/** The plan of a sub-agent. */
export function innerPlan(input: Record<string, unknown>): Plan {
  const key = String(input['key']);
  const look: Call = { kind: 'read', key: `${key}.read` };
  return input['inner'] === 'write' ? [[look], [{ kind: 'write', key: `${key}.write` }]] : [[look]];
}
