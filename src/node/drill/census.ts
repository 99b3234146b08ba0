/** The processes that came of a drill, and which of them are still there. */
import { join } from 'node:path';
import { Registry } from '../guardian/registry.ts';
import { hasEnded, identify, type ProcessIdentity } from '../process/identity.ts';
import { findLeftovers, type Mark } from '../process/leftovers.ts';

/** How long they may take to go once everything was let go of, ms: a guardian gives its tools four seconds, its server ten. */
const GONE_MS = 15_000;
/** Between looks, ms: they are nobody's children here. */
const LOOK_MS = 100;

interface Known {
  label: string;
  identity: ProcessIdentity;
}

export class Census {
  readonly #registry: Registry;
  readonly #mark: Mark;
  readonly #known = new Map<string, Known>();
  #noting: Promise<void> = Promise.resolve();

  /** @param mark in the environment of everything that the engine starts, where the system shows such */
  constructor(storage: string, mark: Mark) {
    this.#registry = new Registry(join(storage, 'servers'));
    this.#mark = mark;
  }

  /** Notes the guardians and servers there are now. */
  note(): void {
    this.#noting = this.#noting.then(async () => {
      for (const { guardian, server, label } of await this.#registry.list(() => undefined)) {
        this.#add(`guardian of ${label}`, guardian);
        if (server !== undefined) this.#add(label, server);
      }
    });
  }

  /** How many were noted. */
  get size(): number {
    return this.#known.size;
  }

  /** Those that do not go, a line each, the commands of the agent included. */
  async left(): Promise<string[]> {
    await this.#noting;
    const until = Date.now() + GONE_MS;
    for (;;) {
      const left = await this.#look();
      if (left.length === 0 || Date.now() > until) return left;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  #add(label: string, identity: ProcessIdentity): void {
    this.#known.set(`${identity.pid} ${identity.startedAt}`, { label, identity });
  }

  async #look(): Promise<string[]> {
    const left: string[] = [];
    for (const { label, identity } of this.#known.values()) {
      if (!hasEnded(identity, await identify(identity.pid))) left.push(`${label} (process ${identity.pid})`);
    }
    for (const { pid, command } of await findLeftovers(this.#mark)) left.push(`${command} (process ${pid})`);
    return left;
  }
}
