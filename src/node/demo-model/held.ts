/** The demo model in a process that is held like a server: found again after a reload, gone when nobody uses it. */
import * as path from 'node:path';
import { StartError } from '../../core/errors.ts';
import type { HostedProcess, ProcessHost, ProcessSpec } from '../process/process-host.ts';
import type { Companion } from '../workspace-host.ts';
import { demoConfig, newKey } from './server.ts';

/** Hands the key to the process; its command line shows nothing. */
export const KEY_VARIABLE = 'HOLDFAST_DEMO_KEY';
/** A line of its own on stdout; group 1 is the base URL. */
const READY_LINE = /^demo model listening on (http:\/\/\S+)$/m;

export interface HeldDemoModelOptions {
  host: ProcessHost;
  /** Absolute path of the folder with the programs that come with Holdfast. */
  programs: string;
  /** Holdfast's own version: another version's rules are another model. */
  version: string;
  env: Readonly<Record<string, string | undefined>>;
}

export class HeldDemoModel implements Companion {
  readonly #options: HeldDemoModelOptions;
  #held: Promise<{ process: HostedProcess; config: Record<string, unknown> }> | undefined;
  #isBusy = false;

  constructor(options: HeldDemoModelOptions) {
    this.#options = options;
  }

  /** Engine configuration with this model as the only one, once it listens. @throws StartError */
  async config(): Promise<Record<string, unknown>> {
    this.#held ??= this.#hold();
    try {
      return (await this.#held).config;
    } catch (error) {
      this.#held = undefined;
      throw error;
    }
  }

  setBusy(isBusy: boolean): void {
    this.#isBusy = isBusy;
    void this.#held?.then(
      ({ process }) => process.setBusy(isBusy),
      () => {},
    );
  }

  async close(): Promise<void> {
    const process = await this.#process();
    if (process === undefined) return;
    if (process.others.count > 0) await process.release();
    else await process.end();
  }

  async leave(): Promise<void> {
    await (await this.#process())?.release();
  }

  async #hold(): Promise<{ process: HostedProcess; config: Record<string, unknown> }> {
    const { host, version } = this.#options;
    const { process, handover } = await host.hold({ name: 'demo model', flavour: version }, () =>
      Promise.resolve(this.#spec()),
    );
    process.setBusy(this.#isBusy);
    const ended = process.exited.then(({ stderrTail }) => {
      this.#held = undefined;
      throw new StartError('The demo model ended before it was ready.', stderrTail);
    });
    // It may well end later, long after it was ready.
    ended.catch(() => {});
    const [, baseUrl = ''] = await Promise.race([process.readyLine, ended]);
    return { process, config: demoConfig(baseUrl, handover) };
  }

  #spec(): ProcessSpec {
    const { programs, env } = this.#options;
    const key = newKey();
    const known = Object.entries(env).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value]],
    );
    return {
      command: process.execPath,
      args: [path.join(programs, 'demo-model.mjs')],
      // The editor's own program is Node only when told so.
      env: { ...Object.fromEntries(known), ELECTRON_RUN_AS_NODE: '1', [KEY_VARIABLE]: key },
      readyLine: READY_LINE,
      secrets: [key],
      label: 'demo model',
      handover: key,
    };
  }

  #process(): Promise<HostedProcess | undefined> {
    return (
      this.#held?.then(
        ({ process }) => process,
        () => undefined,
      ) ?? Promise.resolve(undefined)
    );
  }
}
