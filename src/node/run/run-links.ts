/** What connects runs with their server: its requests, its one event stream, and the news of how it is. */
import type { Clock } from '../../core/clock.ts';
import type { RecordBody } from '../../core/journal/record.ts';
import type { ServerView } from '../../core/server/view.ts';
import type { Server, ServerConnection, ServerDown } from '../server/server.ts';
import { watchForDeafness } from '../stream/deaf-session.ts';
import { EventHub, type HubLog } from '../stream/event-hub.ts';
import type { Run } from './run.ts';

/** How long a fresh event stream may take to open before a prompt is sent without it, ms. What it misses is re-read. */
const STREAM_OPEN_MS = 5000;

export interface LinkDesk {
  server: Server;
  clock: Clock;
  log: HubLog;
  heartbeatGapMs: number;
  /** Those that are open in this process. */
  runs(): Run[];
  /** Those of them that this process does. */
  active(): Run[];
  /** Told of each run that gets a server. */
  onUse(run: Run): void;
}

export class RunLinks {
  readonly #desk: LinkDesk;
  readonly #stops: (() => void)[];
  #hub: { generation: number; hub: EventHub } | undefined;
  /** Generation of the newest server whose start was told of. */
  #toldOfStart = 0;

  constructor(desk: LinkDesk) {
    this.#desk = desk;
    this.#stops = [
      desk.server.onState((view) => this.#onServer(view)),
      desk.server.onDown((down) => this.#onDown(down)),
    ];
  }

  /** Connects a run, tells it of its server, and feeds it the events; resolves when the stream is open, or late. */
  async join(run: Run, connection: ServerConnection): Promise<void> {
    this.use(run, connection);
    this.tellServer(run);
    this.#tellOfStart(run, connection);
    await this.joinStream(run, connection);
  }

  use(run: Run, connection: ServerConnection): void {
    run.connect(connection);
    this.#desk.onUse(run);
  }

  tellServer(run: Run): void {
    run.append(serverRecord(this.#desk.server.state));
  }

  /** Feeds the server's events to a run from here on; resolves when the stream is open, or late. */
  joinStream(run: Run, connection: ServerConnection): Promise<void> {
    const hub = this.#hubOf(connection);
    return new Promise<void>((resolve) => {
      const cancel = this.#desk.clock.setTimer(STREAM_OPEN_MS, resolve);
      const leave = hub.listen({
        onEvents: (events) => run.onEvents(events),
        onState: (state, reason) => {
          cancel();
          resolve();
          if (run.active)
            run.append({
              kind: 'stream',
              generation: connection.generation,
              state,
              ...(reason === undefined ? {} : { reason }),
            });
        },
      });
      const unwatch = watchForDeafness(run, () => hub.renew('it did not tell what the session did'));
      run.hears(() => {
        unwatch();
        leave();
      });
    });
  }

  close(): void {
    this.#hub?.hub.close();
    for (const stop of this.#stops) stop();
  }

  /** What the user has to know of how a server of ours began: told in the run that wanted it, once. */
  #tellOfStart(run: Run, { generation, notes = [] }: ServerConnection): void {
    if (generation <= this.#toldOfStart) return;
    this.#toldOfStart = generation;
    for (const text of notes) {
      this.#desk.log.warn(text);
      run.append({ kind: 'note', level: 'warning', text });
    }
  }

  #hubOf(connection: ServerConnection): EventHub {
    if (this.#hub?.generation === connection.generation) return this.#hub.hub;
    this.#hub?.hub.close();
    const { clock, log, heartbeatGapMs, server } = this.#desk;
    const { client, generation } = connection;
    const hub = new EventHub({ client, clock, log, heartbeatGapMs, onBytes: () => server.heard(generation) });
    this.#hub = { generation, hub };
    return hub;
  }

  #onServer(view: ServerView): void {
    const { state } = view;
    const isThere = state === 'ready' || state === 'unresponsive' || state === 'stopping';
    if (!isThere && this.#hub !== undefined) {
      this.#hub.hub.close();
      this.#hub = undefined;
      for (const run of this.#desk.runs()) run.connect(undefined);
    }
    for (const run of this.#desk.active()) run.append(serverRecord(view));
    if (state === 'ready' && view.kind === 'attached') this.#rejoinAll();
  }

  /** A process that was ended for another one to begin is `stopped` at no time: that it is gone is told all the same. */
  #onDown({ generation, exit, reason }: ServerDown): void {
    const now = this.#desk.server.state;
    if (exit === undefined || now.generation === generation) return;
    for (const run of this.#desk.active()) {
      run.append({ kind: 'server', generation, state: 'stopped', exit, reason });
      run.append(serverRecord(now));
    }
  }

  /** A server that was out of reach is back: what ran on it goes on there, or is found to have ended. */
  #rejoinAll(): void {
    for (const run of this.#desk.active()) {
      if (run.connection === undefined && run.state.sessionId !== undefined) void this.#rejoin(run);
    }
  }

  async #rejoin(run: Run): Promise<void> {
    const connection = await this.#desk.server.ensure().catch(() => undefined);
    // Gone again, which is told as its state; or somebody else has connected the run meanwhile.
    if (connection === undefined || run.connection !== undefined || !run.active) return;
    this.use(run, connection);
    await this.joinStream(run, connection);
  }
}

function serverRecord(view: ServerView): RecordBody {
  return {
    kind: 'server',
    generation: view.generation,
    state: view.state,
    ...(view.exit === undefined ? {} : { exit: view.exit }),
    ...(view.reason === undefined ? {} : { reason: view.reason }),
    ...(view.engineVersion === undefined ? {} : { engineVersion: view.engineVersion }),
  };
}
