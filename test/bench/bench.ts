/**
 * `npm run bench`: what Holdfast costs, as ratios against named peers measured in the same run.
 * Rounds alternate between the peers, so that a machine that slows down slows all of them; medians are printed.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { gzipSync } from 'node:zlib';
import { activationTimes } from './activation.ts';
import { REST_MS } from './footprint.ts';
import { measure, reply } from './measure.ts';
import { timeRecoveries } from './recovery.ts';
import { type StartTimes, timeQuickStarts, timeStarts } from './start.ts';

const EVENTS = 200_000;
const ROUNDS = 5;
const GROWN_EVENTS = 1_000_000;
const START_ROUNDS = 5;
const RECOVERY_ROUNDS = 20;
/** Many, since they are quick, and the difference is small. */
const QUICK_ROUNDS = 15;

const SHIPPED = ['extension.cjs', 'host.cjs', 'guardian.cjs', 'panel.js', 'holdfast.mjs', 'holdfast.vsix'];

const recording = path.resolve('test/bench/turn.jsonl');
const here = import.meta.dirname;

interface Reading {
  wallMs: number;
  cpuMs: number;
  rssMiB: number;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const round = (value: number, digits = 0): string => value.toFixed(digits);
const say = (line = ''): void => void process.stdout.write(`${line}\n`);
const row = (...cells: string[]): void =>
  say(cells.map((cell, index) => (index === 0 ? cell.padEnd(44) : cell.padStart(14))).join(''));

async function streams(): Promise<void> {
  const feed = fork(path.join(here, 'feed.mjs'), [recording, String(EVENTS)]);
  const { port, events, bytes } = await reply<{ port: number; events: number; bytes: number }>(feed);
  const ways = ['holdfast', 'sdk', 'bare'] as const;
  const readings: Record<(typeof ways)[number], Reading[]> = { holdfast: [], sdk: [], bare: [] };
  for (let index = 0; index < ROUNDS; index++) {
    for (const way of ways) readings[way].push(await measure<Reading>('reader', way, String(port)));
  }
  feed.disconnect();
  await once(feed, 'exit');
  say(
    `Events through the host: ${events} frames, ${round(bytes / 1024 / 1024)} MiB of one recorded turn told again, ${ROUNDS} rounds`,
  );
  row('', 'events/s', 'CPU ms', 'peak MiB', 'speed ratio');
  const labels = {
    holdfast: 'whole host path (fold, journal, patches)',
    sdk: '@opencode-ai/sdk, bare subscription',
    bare: 'undici + eventsource-parser + JSON.parse',
  };
  for (const way of ways) {
    const wall = median(readings[way].map((reading) => reading.wallMs));
    const ratios = readings[way].map(
      (reading, index) => reading.wallMs / (readings.holdfast[index]?.wallMs ?? 1),
    );
    row(
      labels[way],
      round((events / wall) * 1000),
      round(median(readings[way].map((reading) => reading.cpuMs))),
      round(median(readings[way].map((reading) => reading.rssMiB))),
      way === 'holdfast' ? '1.00' : `${round(median(ratios), 2)}x`,
    );
  }
  say(
    '  speed ratio: how many times as fast the whole host path is; the aim is 1.00x or more against the SDK',
  );
}

async function growth(): Promise<void> {
  const { youngNs, oldNs, events } = await measure<{ youngNs: number; oldNs: number; events: number }>(
    'growth',
    recording,
    String(GROWN_EVENTS),
  );
  say(`Cost per event as a run grows`);
  row('', 'at 1 k', `at ${round(events / 1e6, 1)} M`, 'ratio');
  row('ns per event, whole host path', round(youngNs), round(oldNs), round(oldNs / youngNs, 2));
  say('  the aim is a ratio of at most 1.20');
}

async function starts(): Promise<void> {
  const times: StartTimes[] = [];
  for (let index = 0; index < START_ROUNDS; index++) times.push(await timeStarts());
  const ratio = (way: 'directMs' | 'guardedMs') => median(times.map((time) => time[way] / time.bareMs));
  say(`Start of a server, spawn to the first answer of a workspace route, ${START_ROUNDS} rounds`);
  row('', 'median ms', 'ratio', 'aim');
  row('opencode serve, bare', round(median(times.map(({ bareMs }) => bareMs))), '1.00', '');
  row(
    'ours, as a child of this process',
    round(median(times.map(({ directMs }) => directMs))),
    round(ratio('directMs'), 2),
    '1.10',
  );
  row(
    'ours, held by a guardian',
    round(median(times.map(({ guardedMs }) => guardedMs))),
    round(ratio('guardedMs'), 2),
    '',
  );
  say();
  await guardianCost(times);
}

async function guardianCost(times: readonly StartTimes[]): Promise<void> {
  const added = [];
  for (let index = 0; index < QUICK_ROUNDS; index++) {
    const { directMs, guardedMs } = await timeQuickStarts();
    added.push(guardedMs - directMs);
  }
  const found = times.flatMap(({ guardian }) => guardian ?? []);
  const ticks = found.flatMap(({ restTicks }) => restTicks ?? []);
  say('The guardian: what it adds, and what it takes while it holds an idle opencode');
  row('', 'median', 'worst', 'aim');
  row(
    'added to the starts above, ms',
    round(median(times.map(({ guardedMs, directMs }) => guardedMs - directMs))),
    '',
    '',
  );
  row(
    `added to a server ready at once, ms, ${QUICK_ROUNDS} rounds`,
    round(median(added)),
    round(Math.max(...added)),
    '100',
  );
  if (found.length > 0) {
    const sizes = found.map(({ rssMiB }) => rssMiB);
    row('resident, MiB', round(median(sizes), 1), round(Math.max(...sizes), 1), '60');
  }
  if (ticks.length > 0) {
    const seconds = REST_MS / 1000;
    row(`CPU in ${seconds} s at rest, ticks of 10 ms`, round(median(ticks)), round(Math.max(...ticks)), '0');
  }
}

async function recoveries(): Promise<void> {
  const times = await timeRecoveries(RECOVERY_ROUNDS);
  say(
    `Recovery: from the kill of a server to the accepted prompt of the next attempt, ${RECOVERY_ROUNDS} rounds`,
  );
  row('', 'median ms', 'worst ms', 'ratio');
  const bare = times.map(({ bareMs }) => bareMs);
  const ours = times.map(({ recoveredMs }) => recoveredMs);
  row('opencode serve, bare: spawn to accepted', round(median(bare)), round(Math.max(...bare)), '1.00');
  row(
    'kill to accepted',
    round(median(ours)),
    round(Math.max(...ours)),
    round(median(times.map(({ recoveredMs, bareMs }) => recoveredMs / bareMs)), 2),
  );
  say('  the aim is a ratio of at most 1.15; a first restart waits for nothing, so no backoff is in it');
}

function sizes(): void {
  say('Bundles');
  row('', 'KiB', 'gzip KiB');
  for (const name of SHIPPED) {
    const file = path.join('dist', name);
    if (!fs.existsSync(file)) continue;
    const bytes = fs.readFileSync(file);
    row(name, round(bytes.length / 1024), round(gzipSync(bytes).length / 1024));
  }
}

async function activation(): Promise<void> {
  const times = await activationTimes(9);
  say('Activation of the extension (load and activate(), a fresh process each, VS Code API stubbed)');
  row('', 'median ms', 'worst ms', 'aim');
  row('dist/extension.cjs', round(median(times), 1), round(Math.max(...times), 1), '50');
}

sizes();
say();
for (const part of [activation, starts, recoveries, streams, growth]) {
  await part();
  say();
}
