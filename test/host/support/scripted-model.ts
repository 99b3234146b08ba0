import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { scriptedModelConfig } from '../../fakes/model/config.ts';
import { type FakeModel, type Scripts, startFakeModel } from '../../fakes/model/server.ts';

/** Lets a scripted model answer instead of the demo, by the engine's own configuration file and our setting. */
export async function useScriptedModel(scripts: Scripts): Promise<FakeModel> {
  const model = await startFakeModel(scripts);
  const folder = path.join(process.env['XDG_CONFIG_HOME'] ?? '', 'opencode');
  mkdirSync(folder, { recursive: true });
  writeFileSync(configFile(), JSON.stringify(scriptedModelConfig(model.baseUrl)));
  await setModel('scripted/scripted');
  return model;
}

export async function useDemoModel(): Promise<void> {
  rmSync(configFile(), { force: true });
  await setModel('demo');
}

function configFile(): string {
  return path.join(process.env['XDG_CONFIG_HOME'] ?? '', 'opencode/opencode.json');
}

/** The settings file is another process's to write: what counts is that the extension hears of it. */
async function setModel(model: string): Promise<void> {
  const configuration = vscode.workspace.getConfiguration('holdfast');
  if (configuration.get('model') === model) return;
  const changed = new Promise<void>((resolve) => {
    const listening = vscode.workspace.onDidChangeConfiguration(() => {
      if (vscode.workspace.getConfiguration('holdfast').get('model') !== model) return;
      listening.dispose();
      resolve();
    });
  });
  await configuration.update('model', model, vscode.ConfigurationTarget.Global);
  await changed;
}
