import { readFileSync } from 'node:fs';

export interface SettingSchema {
  type: string;
  default: unknown;
  scope: string;
  minimum?: number;
  maximum?: number;
  enum?: string[];
  markdownDescription: string;
  order: number;
}

export interface Manifest {
  activationEvents: string[];
  capabilities: Record<
    'untrustedWorkspaces' | 'virtualWorkspaces',
    { supported: boolean; description: string }
  >;
  extensionKind: string[];
  contributes: {
    commands: { command: string; title: string; category: string; enablement?: string }[];
    configuration: { properties: Record<string, SettingSchema> };
    keybindings: { command: string; key: string; when?: string }[];
    menus: Record<string, { command: string; when?: string }[]>;
    viewsWelcome: { view: string; contents: string; when: string }[];
    walkthroughs: { steps: { description: string; media: { markdown: string } }[] }[];
  };
}

/** The manifest, its texts in place of their keys. Suites run in the folder of the checkout. */
export function readManifest(): Manifest {
  const texts = JSON.parse(readFileSync('package.nls.json', 'utf8')) as Record<string, string>;
  const replaced = (_key: string, value: unknown): unknown => {
    const key = typeof value === 'string' ? /^%(.+)%$/.exec(value)?.[1] : undefined;
    if (key === undefined) return value;
    const text = texts[key];
    if (text === undefined) throw new Error(`package.nls.json has no text for ${key}`);
    return text;
  };
  return JSON.parse(readFileSync('package.json', 'utf8'), replaced) as Manifest;
}
