/** How a run reads in the list of sessions. */
import { assertNever } from '../core/errors.ts';
import type { Standing } from '../core/journal/state.ts';
import { type Outcome, outcomeTitle } from '../core/outcome.ts';
import type { RunSummary } from './run-summary.ts';
import type { Translate } from './translate.ts';

export interface RunLook {
  label: string;
  description: string;
  icon: string;
  /** Id of a theme colour for the icon. */
  color?: string;
  tooltip: string;
  /** For a screen reader. */
  spoken: string;
}

/** @param now epoch ms. */
export function runLook(run: RunSummary, standing: Standing, now: number, t: Translate): RunLook {
  const { icon, color } = iconOf(run.outcome, standing);
  const state = stateWords(run, standing, t);
  const parts = [
    ...(run.demo ? [t('demo')] : []),
    state,
    ...(run.startedAt === 0 ? [] : [ageText(now - run.startedAt, t)]),
  ];
  const lines = [
    run.title,
    ...(run.scope === '' ? [] : [run.scope]),
    ...(run.demo ? [t('Demo model: simple rules, no AI')] : []),
    ...(run.message === undefined ? [state] : [run.message]),
    ...(run.startedAt === 0 ? [] : [new Date(run.startedAt).toLocaleString()]),
  ];
  const description = parts.join(' · ');
  return {
    label: run.title,
    description,
    icon,
    ...(color === undefined ? {} : { color }),
    tooltip: lines.join('\n'),
    spoken: `${run.title}, ${parts.join(', ')}`,
  };
}

function stateWords(run: RunSummary, standing: Standing, t: Translate): string {
  if (standing === 'waiting') return t('waiting for you');
  if (standing === 'running') return t('running');
  // Without an end and without anybody who runs it, it was cut off.
  if (run.outcome === undefined) return run.type === 'review' ? t('cut off') : t('not begun');
  if (run.outcome === 'ok' && run.findings !== undefined) {
    return run.findings === 1 ? t('1 finding') : t('{0} findings', run.findings);
  }
  return t(outcomeTitle(run.outcome)).toLowerCase();
}

function iconOf(outcome: Outcome | undefined, standing: Standing): { icon: string; color?: string } {
  if (standing === 'waiting') return { icon: 'bell-dot', color: 'list.warningForeground' };
  if (standing === 'running') return { icon: 'loading~spin' };
  switch (outcome) {
    case undefined:
      return { icon: 'circle-outline' };
    case 'ok':
      return { icon: 'pass', color: 'testing.iconPassed' };
    case 'error':
      return { icon: 'error', color: 'list.errorForeground' };
    case 'incomplete':
      return { icon: 'warning', color: 'list.warningForeground' };
    case 'server-unreachable':
      return { icon: 'debug-disconnect', color: 'list.errorForeground' };
    case 'session-stalled':
      return { icon: 'watch', color: 'list.errorForeground' };
    case 'interrupted':
      return { icon: 'circle-slash' };
    default:
      return assertNever(outcome);
  }
}

/** `just now`, `5 min ago`, `3 h ago`, `2 d ago`. */
export function ageText(ms: number, t: Translate): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return t('just now');
  if (minutes < 60) return t('{0} min ago', minutes);
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? t('{0} h ago', hours) : t('{0} d ago', Math.floor(hours / 24));
}
