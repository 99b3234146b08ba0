/** Answering the agent from the palette: the same answers that the panel's cards give. */
import * as vscode from 'vscode';
import type { Answer, Ask } from '../core/engine.ts';
import type { Run } from '../node/run/run.ts';
import { answerAsk } from './prompting.ts';
import type { Shell } from './shell.ts';

type Permission = Extract<Ask, { type: 'permission' }>;
type Question = Extract<Ask, { type: 'question' }>['questions'][number];

/** Asks the user what the agent asked, the shown run first. Leaving it answers nothing: the agent goes on waiting. */
export async function answerRequest({ hosting, panel, notices }: Shell): Promise<void> {
  const found = firstAsk([...(panel.run === undefined ? [] : [panel.run]), ...hosting.activeRuns]);
  if (found === undefined) {
    notices.info(vscode.l10n.t('Nothing waits for an answer.'));
    return;
  }
  const { run, ask } = found;
  run.assertOurs();
  const answer = ask.type === 'permission' ? await askPermission(ask) : await askQuestions(ask.questions);
  // Answered elsewhere, or over, while the user thought about it.
  if (answer !== undefined && run.state.conversation.asks.has(ask.id))
    await answerAsk(notices, run, ask.id, answer);
}

function firstAsk(runs: readonly Run[]): { run: Run; ask: Ask } | undefined {
  for (const run of runs) for (const ask of run.state.conversation.asks.values()) return { run, ask };
  return undefined;
}

async function askPermission({ permission, patterns, always }: Permission): Promise<Answer | undefined> {
  const item = (
    label: string,
    reply: 'once' | 'always' | 'reject',
    detail?: string,
  ): vscode.QuickPickItem & { reply: typeof reply } => ({
    label,
    reply,
    ...(detail === undefined ? {} : { detail }),
  });
  const items = [
    item(vscode.l10n.t('Allow once'), 'once'),
    ...(always.length === 0
      ? []
      : [item(vscode.l10n.t('Always allow in this session'), 'always', always.join('  '))]),
    item(vscode.l10n.t('Deny'), 'reject'),
  ];
  const picked = await vscode.window.showQuickPick(items, {
    title: vscode.l10n.t('The agent asks for permission: {0}', permission),
    placeHolder: patterns.join('  '),
    ignoreFocusOut: true,
  });
  return picked === undefined ? undefined : { type: 'permission', reply: picked.reply };
}

async function askQuestions(questions: readonly Question[]): Promise<Answer | undefined> {
  const answers: string[][] = [];
  for (const question of questions) {
    const labels = await askQuestion(question);
    if (labels === 'dismiss') return { type: 'dismiss' };
    if (labels === undefined) return undefined;
    answers.push(labels);
  }
  return { type: 'question', answers };
}

async function askQuestion({
  question,
  header,
  options,
  multiple,
  custom,
}: Question): Promise<string[] | 'dismiss' | undefined> {
  type Item = vscode.QuickPickItem & { kindOf: 'option' | 'custom' | 'dismiss' };
  const items: Item[] = options.map(({ label, description }) => ({
    label,
    detail: description,
    kindOf: 'option',
  }));
  if (custom) items.push({ label: vscode.l10n.t('$(edit) Answer in your own words'), kindOf: 'custom' });
  items.push({ label: vscode.l10n.t('$(close) Dismiss the question'), kindOf: 'dismiss' });
  const settings = { title: header, placeHolder: question, ignoreFocusOut: true };
  const picked = multiple
    ? await vscode.window.showQuickPick(items, { ...settings, canPickMany: true })
    : await vscode.window.showQuickPick(items, settings).then((item) => item && [item]);
  if (picked === undefined || picked.length === 0) return undefined;
  if (picked.some(({ kindOf }) => kindOf === 'dismiss')) return 'dismiss';
  const labels = picked.filter(({ kindOf }) => kindOf === 'option').map(({ label }) => label);
  if (!picked.some(({ kindOf }) => kindOf === 'custom')) return labels;
  const own = await vscode.window.showInputBox({ title: header, prompt: question, ignoreFocusOut: true });
  return own === undefined || own.trim() === '' ? undefined : [...labels, own.trim()];
}
