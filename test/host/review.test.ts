import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import * as vscode from 'vscode';
import { fileUri, newestRun, problems, record } from './support/place.ts';
import { useDemoModel } from './support/scripted-model.ts';

const QUEUE = 'src/queue.ts';

/** A review on the real engine: its start alone takes seconds on a cold machine. */
const LIMIT_MS = 120_000;

async function quickFixes(file: string, range: vscode.Range): Promise<vscode.CodeAction[]> {
  // Actions are asked for documents that are open.
  await vscode.workspace.openTextDocument(fileUri(file));
  const kind = vscode.CodeActionKind.QuickFix.value;
  const found = await vscode.commands.executeCommand<vscode.CodeAction[]>(
    'vscode.executeCodeActionProvider',
    fileUri(file),
    range,
    kind,
  );
  return found.filter(({ title }) => /^(?:Apply suggestion|Dismiss finding)/.test(title));
}

describe('Run Review', () => {
  const fetch = globalThis.fetch;
  const slot = Symbol.for('undici.globalDispatcher.1');
  const dispatcher = (globalThis as Record<symbol, unknown>)[slot];
  let reviewed: string;

  before(async function () {
    this.timeout(LIMIT_MS);
    await useDemoModel();
    reviewed = readFileSync(fileUri(QUEUE).fsPath, 'utf8');
    await vscode.commands.executeCommand('holdfast.runReview');
    const ended = await record(newestRun(), 'run-ended');
    assert.equal(ended.outcome, 'ok', ended.message);
  });

  it('puts the findings into Problems, each where its code stands', async () => {
    const found = await problems(QUEUE, (all) => all.length > 0);
    const lines = reviewed.split('\n');
    const shown = found.map(({ message, range, severity, source }) => {
      const text = lines[range.start.line]?.slice(
        range.start.character,
        range.start.line === range.end.line ? range.end.character : undefined,
      );
      return { title: message.split('\n')[0], text, severity, source };
    });
    assert.deepEqual(shown, [
      {
        title: 'Promise is not awaited',
        text: 'this.deliver(job);',
        severity: vscode.DiagnosticSeverity.Error,
        source: 'Holdfast demo',
      },
      {
        title: 'Error is swallowed',
        text: '} catch (error) {}',
        severity: vscode.DiagnosticSeverity.Warning,
        source: 'Holdfast demo',
      },
    ]);
  });

  it('leaves fetch and the process-wide dispatcher as they were, after all its requests', () => {
    assert.equal(globalThis.fetch, fetch);
    assert.equal((globalThis as Record<symbol, unknown>)[slot], dispatcher);
  });

  it('offers what was suggested as a quick fix, and only while the code is as it was reviewed', async () => {
    const [finding] = await problems(QUEUE, (all) => all.length === 2);
    assert.ok(finding);
    const [fix] = await quickFixes(QUEUE, finding.range);
    assert.equal(fix?.title, 'Apply suggestion: Promise is not awaited');
    assert.ok(fix.edit);
    const document = await vscode.workspace.openTextDocument(fileUri(QUEUE));
    assert.ok(await vscode.workspace.applyEdit(fix.edit));
    assert.match(document.getText(), /await this\.deliver\(job\);/);
    assert.deepEqual(
      (await quickFixes(QUEUE, finding.range)).map(({ title }) => title),
      ['Dismiss finding: Promise is not awaited'],
    );
  });

  it('takes a finding away with the code that it was about, when that is saved, and moves the others along', async () => {
    const document = await vscode.workspace.openTextDocument(fileUri(QUEUE));
    const edit = new vscode.WorkspaceEdit();
    edit.replace(
      document.uri,
      new vscode.Range(0, 0, document.lineCount, 0),
      `// a new first line\n${document.getText().replace('this.deliver', 'this.send')}`,
    );
    await vscode.workspace.applyEdit(edit);
    await document.save();
    const [left, ...more] = await problems(QUEUE, (all) => all.length === 1);
    assert.deepEqual(more, []);
    assert.equal(left?.code, 'f6');
    assert.equal(document.getText(left.range), '} catch (error) {}');
  });

  it('takes a finding away that is dismissed, and keeps it in the report', async () => {
    const [finding] = await problems('src/discount.ts', (all) => all.length > 0);
    assert.ok(finding);
    const dismiss = (await quickFixes('src/discount.ts', finding.range)).find(({ title }) =>
      title.startsWith('Dismiss'),
    );
    assert.ok(dismiss?.command);
    await vscode.commands.executeCommand(dismiss.command.command, ...(dismiss.command.arguments ?? []));
    await problems('src/discount.ts', (all) => all.length === 0);
    assert.match(readFileSync(`${newestRun()}/report.md`, 'utf8'), /Text is run as code/);
  });
});
