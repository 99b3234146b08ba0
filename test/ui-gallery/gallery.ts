/**
 * Stands in for VS Code around the panel: `?scene=running&theme=dark`. The panel's messages are kept in
 * `window.sent`, and `window.tell(message)` sends one to it.
 */
import type { HostMessage } from '../../src/core/protocol.ts';
import { scenes } from './scenes.ts';

declare global {
  interface Window {
    sent: unknown[];
    tell(message: HostMessage): void;
  }
}

const THEMES: Readonly<Record<string, string>> = {
  dark: 'vscode-dark',
  light: 'vscode-light',
  'hc-black': 'vscode-high-contrast',
  'hc-light': 'vscode-high-contrast-light vscode-high-contrast',
};

const query = new URLSearchParams(location.search);
document.body.className = THEMES[query.get('theme') ?? 'dark'] ?? '';
const now = Date.now();
const view = scenes(now)[query.get('scene') ?? 'running'];

window.sent = [];
window.tell = (message) => window.postMessage(message);
Object.assign(window, {
  acquireVsCodeApi: () => ({
    postMessage(message: { type: string }) {
      window.sent.push(message);
      if (message.type !== 'ready' && message.type !== 'resync') return;
      window.tell({
        type: 'snapshot',
        n: 0,
        hostNow: Date.now(),
        draft: '',
        ...(view !== undefined && { view }),
      });
    },
    getState: () => JSON.parse(sessionStorage.getItem('state') ?? 'null') as unknown,
    setState: (next: unknown) => sessionStorage.setItem('state', JSON.stringify(next)),
  }),
});
