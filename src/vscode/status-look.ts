/** How the status bar reads, as a function of what is: one look for the server, one for the running turn. */
import { assertNever } from '../core/errors.ts';
import type { Header } from '../core/protocol.ts';
import type { ServerView } from '../core/server/view.ts';
import type { Translate } from './translate.ts';

/** `error` and `warning` colour the item's background: only for a failed server, and while the user must act. */
export interface Look {
  text: string;
  tone: 'plain' | 'warning' | 'error';
  /** For a screen reader. */
  label: string;
  /** Plain text, a fact a line. */
  tooltip: string;
}

export interface ServerLook extends Look {
  /** A click starts the server anew; otherwise it opens the menu. */
  restarts: boolean;
}

/** @param demo whether the embedded demo model is chosen. */
export function serverLook(view: ServerView | undefined, demo: boolean, t: Translate): ServerLook {
  const { icon, word, tone, restarts } = serverWord(view, t);
  const lines = [
    t('Holdfast: server {0}', word),
    ...(view?.reason === undefined ? [] : [view.reason]),
    ...(view?.engineVersion === undefined ? [] : [t('Engine: opencode {0}', view.engineVersion)]),
    ...(view?.budget === undefined
      ? []
      : [t('Restarts used: {0} of {1}', view.budget.used, view.budget.limit)]),
    ...(demo ? [t('Demo model: simple rules, no AI')] : []),
    restarts ? t('Click to restart the server') : t('Click for what can be done'),
  ];
  return {
    text: `$(${icon}) Holdfast ${word}`,
    tone,
    restarts,
    label: t('Holdfast server {0}', word),
    tooltip: lines.join('\n'),
  };
}

/** Why there is no server although one was wanted, when it never was a process: the engine is missing or cannot run. */
export function missingReason(view: ServerView | undefined): string | undefined {
  return view?.state === 'stopped' && view.exit === undefined ? view.reason : undefined;
}

type ServerWord = { icon: string; word: string; tone: Look['tone']; restarts: boolean };

function serverWord(view: ServerView | undefined, t: Translate): ServerWord {
  const plain = (icon: string, word: string): ServerWord => ({ icon, word, tone: 'plain', restarts: false });
  const failed = (icon: string, word: string): ServerWord => ({ icon, word, tone: 'error', restarts: true });
  if (view === undefined) return plain('circle-outline', t('idle'));
  switch (view.state) {
    case 'stopped':
      // Nothing restarts by itself: a reason is there when it did not stop on purpose.
      if (view.reason !== undefined) return failed('error', t('stopped'));
      return plain('circle-outline', t('idle'));
    case 'starting':
      return plain('sync~spin', t('starting'));
    case 'ready':
      return plain('pass-filled', t('ready'));
    case 'unresponsive':
      return plain('watch', t('not answering'));
    case 'backing-off':
      return plain('history', t('waiting to restart'));
    case 'failed':
      return failed('error', t('failed'));
    case 'stopping':
      return plain('sync~spin', t('stopping'));
    case 'connecting':
      return plain('sync~spin', t('connecting'));
    case 'unreachable':
      return failed('debug-disconnect', t('unreachable'));
    default:
      return assertNever(view.state);
  }
}

/**
 * The running turn, or nothing when none runs.
 * @param asks how many permissions and questions wait for the user.
 * @param now epoch ms.
 * @param incident while recovery has the turn: what happened, a sentence.
 */
export function turnLook(
  header: Header,
  asks: number,
  now: number,
  t: Translate,
  incident?: string,
): Look | undefined {
  if (header.endedAt !== undefined) return undefined;
  const elapsed = clock(now - (header.turnStartedAt ?? header.startedAt));
  const title = header.demo ? t('{0} (demo model)', header.title) : header.title;
  const lines = [t('{0}, running for {1}', title, elapsed), t('Click to show it')];
  const needsYou = (...why: string[]): Look => {
    const text = t('Holdfast needs you');
    return {
      text: `$(bell-dot) ${text}`,
      tone: 'warning',
      label: text,
      tooltip: [...why, ...lines].join('\n'),
    };
  };
  if (asks > 0) return needsYou(t('The agent waits for your answer'));
  if (header.turn === 'waiting' && incident !== undefined)
    return needsYou(t('The turn was cut off and waits for your decision'), incident);
  const plain = (text: string, more: string[] = []): Look => ({
    text: `$(watch) ${elapsed} · ${text}`,
    tone: 'plain',
    label: t('Holdfast turn: {0}', text),
    tooltip: [...lines.slice(0, 1), ...more, ...lines.slice(1)].join('\n'),
  });
  switch (header.turn) {
    case 'sending':
      return plain(t('sending'));
    case 'stopping':
      return plain(t('stopping'));
    case 'recovering':
      return plain(t('recovering'), incident === undefined ? [] : [incident]);
    case 'running': {
      const silent = clock(now - (header.progressAt ?? now));
      const limit = clock(header.stallLimitMs);
      return plain(t('silent {0} / {1}', silent, limit), [
        t('Silent for {0}; acted on after {1}', silent, limit),
      ]);
    }
    case 'waiting':
      return plain(t('waiting'));
    case 'none':
    case 'settled':
      // A review between its turns; an empty session has nothing under way.
      return header.type === 'review' ? plain(t('working')) : undefined;
    default:
      return assertNever(header.turn);
  }
}

/** `0:08`, `12:34`, `1:02:03`. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number): string => String(n).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}
