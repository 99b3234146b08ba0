/** Carries out an order: everything a guardian process does but its own start and end. */
import type { Clock } from '../../core/clock.ts';
import { asStartError } from '../process/executable.ts';
import { DirectHost } from '../process/direct-host.ts';
import { identify, machineSpace, ownIdentity, type ProcessIdentity } from '../process/identity.ts';
import { endLeftovers, findLeftovers } from '../process/leftovers.ts';
import type { HostedProcess } from '../process/process-host.ts';
import { ProcessLog } from '../process/process-log.ts';
import { spawnPlan } from '../process/spawn-plan.ts';
import { disposeWork } from './dispose.ts';
import { Door } from './door.ts';
import { Guardian } from './guardian.ts';
import { MARK_NAME, type Order, PROTOCOL } from './protocol.ts';
import { type Entry, Registry } from './registry.ts';
import { newSocketPlace, removeSocketPlace } from './socket-place.ts';

/** Between looks whether the shell has become the server, and how many of them. */
const EXEC_LOOK_MS = 5;
const EXEC_LOOKS = 200;

export interface Tended {
  /** Ends the server for everybody. */
  end(): void;
  /** The exit code, once nothing is left: no process, no file. */
  done: Promise<number>;
}

/**
 * Starts the server of an order and holds it.
 * @throws StartError with a sentence; nothing is left then.
 */
export async function tend(order: Order, clock: Clock): Promise<Tended> {
  const { id, storage, spec } = order;
  const registry = new Registry(storage);
  await registry.prepare();
  const host = new DirectHost(storage, clock);
  const log = new ProcessLog(host.logPath);
  const say = (text: string) =>
    log.line(`[holdfast ${new Date(clock.now()).toISOString()}] guardian ${id}: ${text}`);
  const { socket } = await newSocketPlace().catch((error: unknown) => {
    throw asStartError(error, 'its socket');
  });
  const leave = async () => {
    await registry.remove(id).catch(() => {});
    await removeSocketPlace(socket);
  };
  let door: Door | undefined;
  try {
    door = await Door.listen({ socket, token: order.token, mark: id, clock, log: say });
    const entry = await newEntry(order, socket, clock);
    await registry.write(entry);
    const entries = new EntryWriter(registry, entry, say);
    const readyLine = new RegExp(spec.readyLine.source, spec.readyLine.flags);
    const { dispose, ...rest } = spec;
    const env = { ...spec.env, [MARK_NAME]: id };
    const held = await host.spawn({ ...rest, env, readyLine, ...(dispose && { dispose }) });
    const server = await serverIdentity(held, order, clock);
    await entries.update({ state: 'running', ...(server && { server }) });
    const guardian = guard(order, held, entries, clock);
    const opened = door;
    opened.open(guardian, held.pid);
    return {
      end: () => void guardian.end(),
      done: guardian.done.then(async (code) => {
        await opened.close();
        await leave();
        await log.flush();
        return code;
      }),
    };
  } catch (error) {
    await door?.close();
    await leave();
    throw asStartError(error, spec.command);
  }
}

function guard(order: Order, held: HostedProcess, entries: EntryWriter, clock: Clock): Guardian {
  const { id, spec, graces, key } = order;
  const mark = { name: MARK_NAME, value: id };
  return new Guardian(
    {
      clock,
      process: held,
      dispose: (url) => (spec.dispose ? disposeWork(url, spec.dispose) : Promise.resolve()),
      findLeftovers: () => findLeftovers(mark, spec.secrets).catch(() => []),
      endLeftovers: (leftovers) => endLeftovers(leftovers, mark, clock).catch(() => {}),
      // A wrapper may have replaced itself on the way.
      onReady: (url) =>
        void serverIdentity(held, order, clock).then((server) =>
          entries.update({ url, ...(server && { server }) }),
        ),
      onOver: () => entries.update({ state: 'over' }),
      onDone: () => entries.remove(),
    },
    { flavour: key.flavour, handover: spec.handover, graces },
  );
}

/** Writes the entry one time after the other. A disk that cannot be written later on costs being found again only. */
class EntryWriter {
  #entry: Entry;
  #isRemoved = false;
  #written: Promise<void> = Promise.resolve();

  constructor(
    private readonly registry: Registry,
    first: Entry,
    private readonly say: (text: string) => void,
  ) {
    this.#entry = first;
  }

  update(change: Partial<Entry>): Promise<void> {
    this.#entry = { ...this.#entry, ...change };
    const entry = this.#entry;
    return this.#then(() => (this.#isRemoved ? Promise.resolve() : this.registry.write(entry)));
  }

  remove(): Promise<void> {
    this.#isRemoved = true;
    return this.#then(() => this.registry.remove(this.#entry.id));
  }

  #then(work: () => Promise<void>): Promise<void> {
    this.#written = this.#written.then(work).catch((error: unknown) => this.say(String(error)));
    return this.#written;
  }
}

async function newEntry(order: Order, socket: string, clock: Clock): Promise<Entry> {
  const { id, key, token, workspace, owner, spec } = order;
  return {
    version: 1,
    protocol: PROTOCOL,
    id,
    key,
    state: 'starting',
    guardian: await ownIdentity(),
    ...(await machineSpace()),
    socket,
    token,
    workspace,
    owner,
    label: spec.label,
    startedAt: clock.now(),
  };
}

/**
 * Who the server is. Right after its spawn it may be the shell still, that is about to become it: whoever has to end
 * it one day would take it for a stranger.
 */
async function serverIdentity(
  held: HostedProcess,
  { spec }: Order,
  clock: Clock,
): Promise<ProcessIdentity | undefined> {
  const { file, args } = spawnPlan(process.platform, spec.command, spec.args);
  const shell = [file, ...args].join(' ');
  for (let look = 0; look < EXEC_LOOKS; look++) {
    const found = await identify(held.pid);
    if (found === 'gone' || found === 'unknown') return undefined;
    if (process.platform === 'win32' || found.commandLine !== shell) return found;
    await new Promise<void>((resolve) => void clock.setTimer(EXEC_LOOK_MS, resolve));
  }
  return undefined;
}
