/** What one event costs in a young run and in one of a million events. One process. */
import { createFrameReader } from '../../src/engines/opencode/events.ts';
import { createSseDecoder } from '../../src/node/http/sse-decoder.ts';
import { openHostPath } from './host-path.ts';
import { DIRECTORY, turnsOf } from './turns.ts';

const [file = '', total = ''] = process.argv.slice(2);
const { framesPerTurn, turn } = turnsOf(file);
const turns = Math.ceil(Number(total) / framesPerTurn);
/** A window of this many turns is timed; about a thousand events. */
const WINDOW = 2;

interface Way {
  /** Tells one turn; gives nanoseconds per event. */
  tell(index: number): number;
  close(): void;
}

function makeWay(): Way {
  const path = openHostPath();
  const decoder = createSseDecoder();
  const reader = createFrameReader(DIRECTORY, (odd) => {
    throw new Error(`${odd.problem} ${odd.kind}`);
  });
  const tell = (index: number): number => {
    const bytes = Buffer.from(turn(index));
    const start = process.hrtime.bigint();
    // About what one read of a socket brings.
    for (let at = 0; at < bytes.length; at += 65_536)
      path.onEvents(reader.read(decoder.push(bytes.subarray(at, at + 65_536))));
    path.flush();
    return Number(process.hrtime.bigint() - start) / framesPerTurn;
  };
  return { tell, close: () => path.close() };
}

const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

// The compiler warms up on runs that are thrown away.
for (let round = 0; round < 20; round++) {
  const way = makeWay();
  for (let index = 0; index < 5; index++) way.tell(index);
  way.close();
}
const young: number[] = [];
for (let round = 0; round < 50; round++) {
  const way = makeWay();
  for (let index = 0; index < WINDOW; index++) young.push(way.tell(index));
  way.close();
}
const way = makeWay();
const old: number[] = [];
for (let index = 0; index < turns; index++) {
  const cost = way.tell(index);
  if (index >= turns - 50 * WINDOW) old.push(cost);
}
way.close();
process.send?.({ youngNs: median(young), oldNs: median(old), events: turns * framesPerTurn });
process.disconnect?.();
