import type { PermissionRule } from '../../core/engine.ts';

/**
 * What an agent that only reads may do. The last rule that matches wins; a tool whose last rule for every
 * pattern is a denial is not even offered to the model (opencode 1.18.33), and a sub-agent, which would bring
 * its own rules, cannot be started.
 */
export const READ_ONLY_PERMISSIONS: readonly PermissionRule[] = [
  { permission: '*', pattern: '*', action: 'deny' },
  { permission: 'read', pattern: '*', action: 'allow' },
  { permission: 'grep', pattern: '*', action: 'allow' },
  { permission: 'glob', pattern: '*', action: 'allow' },
  { permission: 'list', pattern: '*', action: 'allow' },
  { permission: 'todowrite', pattern: '*', action: 'allow' },
];
