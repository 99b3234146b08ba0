import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { scriptedModelConfig } from '../../fakes/model/config.ts';
import { type FakeModel, type Script, type Scripts, startFakeModel } from '../../fakes/model/server.ts';

/** Lets a scripted model answer instead of the demo, by the engine's own configuration file and our setting. */
export async function useScriptedModel(scripts: Script | Scripts): Promise<FakeModel> {
  const model = await startFakeModel(scripts);
  const folder = path.join(process.env['XDG_CONFIG_HOME'] ?? '', 'opencode');
  mkdirSync(folder, { recursive: true });
  writeFileSync(configFile(), JSON.stringify(scriptedModelConfig(model.baseUrl)));
  await setSetting('model', 'scripted/scripted');
  return model;
}

export async function useDemoModel(): Promise<void> {
  rmSync(configFile(), { force: true });
  await setSetting('model', 'demo');
}

function configFile(): string {
  return path.join(process.env['XDG_CONFIG_HOME'] ?? '', 'opencode/opencode.json');
}

/**
 * The settings file is another process's to write: what counts is that the extension hears of it.
 * @param value undefined for the default.
 */
export async function setSetting(name: string, value: unknown): Promise<void> {
  const read = (): unknown => vscode.workspace.getConfiguration('holdfast').inspect(name)?.globalValue;
  if (read() === value) return;
  const changed = new Promise<void>((resolve) => {
    const listening = vscode.workspace.onDidChangeConfiguration(() => {
      if (read() !== value) return;
      listening.dispose();
      resolve();
    });
  });
  await vscode.workspace.getConfiguration('holdfast').update(name, value, vscode.ConfigurationTarget.Global);
  await changed;
}
