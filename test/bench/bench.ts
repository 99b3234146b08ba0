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
import { measure, reply } from './measure.ts';
import { timeStarts } from './start.ts';

const EVENTS = 200_000;
const ROUNDS = 5;
const GROWN_EVENTS = 1_000_000;
const START_ROUNDS = 5;

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
  const times = [];
  for (let index = 0; index < START_ROUNDS; index++) times.push(await timeStarts());
  const ratio = median(times.map(({ oursMs, bareMs }) => oursMs / bareMs));
  say(`Start of a server, spawn to the first answer of a workspace route, ${START_ROUNDS} rounds`);
  row('', 'bare ms', 'ours ms', 'ratio');
  row(
    'opencode serve',
    round(median(times.map((time) => time.bareMs))),
    round(median(times.map((time) => time.oursMs))),
    round(ratio, 2),
  );
  say('  the aim is a ratio of at most 1.10');
}

function sizes(): void {
  say('Bundles');
  row('', 'KiB', 'gzip KiB');
  for (const name of ['extension.cjs', 'host.cjs', 'panel.js', 'holdfast.mjs', 'holdfast.vsix']) {
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
for (const part of [activation, starts, streams, growth]) {
  await part();
  say();
}
