import * as vscode from 'vscode';

/** The context keys that `when` clauses of the manifest use, each as `holdfast.<key>`. */
export type ContextKey =
  /** A turn or a review is under way. */
  | 'running'
  /** The agent waits for an answer. */
  | 'asking'
  /** The engine was looked for and not found. */
  | 'noEngine';

const known = new Map<ContextKey, boolean>();

/** Tells the editor only of changes: this is asked for with every record. */
export function setContext(key: ContextKey, value: boolean): void {
  if (known.get(key) === value) return;
  known.set(key, value);
  void vscode.commands.executeCommand('setContext', `holdfast.${key}`, value);
}
