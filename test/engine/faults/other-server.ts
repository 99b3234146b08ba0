import type { ProductBench } from '../support/product-bench.ts';
import { startEngine, type EngineProcess } from '../support/engine-process.ts';

/** A server that somebody else has started, on the data of the bench, with one of its clients. */
export interface OtherServer extends EngineProcess {
  /** A request of that client. */
  request(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<void>;
}

export async function startOther({ env, folder }: ProductBench): Promise<OtherServer> {
  const engine = await startEngine({
    env: {
      OPENCODE_CONFIG_CONTENT: env['OPENCODE_CONFIG_CONTENT'] ?? '',
      XDG_DATA_HOME: env['XDG_DATA_HOME'] ?? '',
    },
  });
  const authorization = `Basic ${Buffer.from(`opencode:${engine.password}`).toString('base64')}`;
  const headers = { authorization, 'x-opencode-directory': folder, 'content-type': 'application/json' };
  return {
    ...engine,
    async request(method, path, body) {
      const response = await fetch(engine.baseUrl + path, {
        method,
        headers,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const said = await response.text();
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${said}`);
    },
  };
}
