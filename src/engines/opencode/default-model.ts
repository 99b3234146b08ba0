import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { SLOW_REQUEST_TIMEOUT_MS, type Requests } from './requests.ts';

const Config = v.object({
  model: v.optional(v.string()),
  default_agent: v.optional(v.string()),
  agent: v.optional(v.record(v.string(), v.object({ model: v.optional(v.string()) })), {}),
  provider: v.optional(v.record(v.string(), v.unknown()), {}),
});
const Providers = v.object({
  providers: v.array(v.object({ id: v.string(), models: v.record(v.string(), v.unknown()) })),
  default: v.record(v.string(), v.string()),
});
const Paths = v.object({ state: v.string() });
const Recent = v.object({ recent: v.array(v.object({ providerID: v.string(), modelID: v.string() })) });

/** The provider that opencode 1.18.33 offers, and takes by default, without any configuration. */
const HOSTED = 'opencode';

/**
 * The model of a prompt that names none, by the same steps as opencode 1.18.33: the default agent's, the
 * configured one, the one used last in its terminal, the best of the first provider (of the configured ones,
 * where there are any). One thing is otherwise: its own hosted provider counts only when somebody chose it,
 * because code must not go to a service that nobody named. Undefined when there is no other.
 */
export async function readDefaultModel(requests: Requests): Promise<string | undefined> {
  const operation = 'read the models';
  const config = await requests.get(operation, '/config', Config);
  const configured = config.agent[config.default_agent ?? 'build']?.model ?? config.model;
  if (configured !== undefined) return configured;
  const { providers, default: best } = await requests.get(operation, '/config/providers', Providers, {
    timeoutMs: SLOW_REQUEST_TIMEOUT_MS,
  });
  const { state } = await requests.get(operation, '/path', Paths);
  for (const { providerID, modelID } of await recentModels(state)) {
    const provider = providers.find((candidate) => candidate.id === providerID);
    if (provider !== undefined && Object.hasOwn(provider.models, modelID)) return `${providerID}/${modelID}`;
  }
  const names = Object.keys(config.provider);
  const provider = providers.find(({ id }) => (names.length === 0 ? id !== HOSTED : names.includes(id)));
  const model = provider === undefined ? undefined : best[provider.id];
  return provider === undefined || model === undefined ? undefined : `${provider.id}/${model}`;
}

/** Models used in the terminal, newest first; none where the file is missing, odd, or on another machine. */
async function recentModels(stateFolder: string): Promise<v.InferOutput<typeof Recent>['recent']> {
  try {
    return v.parse(Recent, JSON.parse(await readFile(join(stateFolder, 'model.json'), 'utf8'))).recent;
  } catch {
    return [];
  }
}
