import type { PermissionRule } from '../../core/engine.ts';

/**
 * What an agent that only reads may do: look at files of the workspace, keep a to-do list.
 *
 * The last rule that matches wins, and a session's rules come after those of the user's configuration. A tool
 * whose last rule is a denial for every pattern is not even offered to the model, so a broad grant that the
 * user gave elsewhere cannot bring it back; a sub-agent, which would come with rules of its own, cannot be
 * started. Files outside of the workspace are refused by the first rule (`external_directory`). All of this
 * was seen on opencode 1.18.33.
 */
export const READ_ONLY_PERMISSIONS: readonly PermissionRule[] = [
  { permission: '*', pattern: '*', action: 'deny' },
  { permission: 'read', pattern: '*', action: 'allow' },
  // Refused where the engine would ask by default: nobody may be there to answer. A search can still show
  // such a line, because the pattern of `grep` is what is searched for and not where.
  { permission: 'read', pattern: '*.env', action: 'deny' },
  { permission: 'read', pattern: '*.env.*', action: 'deny' },
  { permission: 'read', pattern: '*.env.example', action: 'allow' },
  { permission: 'grep', pattern: '*', action: 'allow' },
  { permission: 'glob', pattern: '*', action: 'allow' },
  { permission: 'list', pattern: '*', action: 'allow' },
  { permission: 'todowrite', pattern: '*', action: 'allow' },
];
