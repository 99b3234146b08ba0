/** `vscode.l10n.t`, as a parameter of what is tested without an editor. `{0}` stands for the first argument. */
export type Translate = (message: string, ...args: (string | number)[]) => string;
