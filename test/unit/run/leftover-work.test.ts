import assert from 'node:assert/strict';
import type { RecordBody } from '../../../src/core/journal/record.ts';
import { LeftoverWork } from '../../../src/node/run/leftover-work.ts';
import type { Run } from '../../../src/node/run/run.ts';
import { OF_BEFORE, type Server } from '../../../src/node/server/server.ts';
import { running, type Story, text, tool } from '../support/story.ts';

const processes = [{ pid: 1, command: 'sleep', startedAt: 0 }];
const exit = { signal: 'SIGKILL', stderrTail: '', expected: false };
const died: RecordBody = { kind: 'server', generation: 1, state: 'stopped', exit };
const readBack: RecordBody[] = [
  { kind: 'server', generation: 2, state: 'ready' },
  { kind: 'stream', generation: 2, state: 'open' },
  { kind: 'synced', turnId: 't1', status: 'idle' },
];
const left: RecordBody = { kind: 'leftovers', generation: 1, processes };

/** A run as a window has it that owns it. */
const owned = (story: Story): Run =>
  ({
    isOwned: true,
    get state() {
      return story.state;
    },
    append: (body: RecordBody) => story.each(body),
  }) as unknown as Run;

describe('what the tools of dead servers left running', () => {
  let ended: number[];
  let recalled: () => void;
  let ending: () => Promise<void>;

  const workFor = (...runs: Run[]): LeftoverWork => {
    const server = {
      recall: () => Promise.resolve(recalled()),
      endLeftovers: (generation: number) => {
        ended.push(generation);
        return ending();
      },
    } as unknown as Server;
    return new LeftoverWork({ server, runs: () => runs });
  };
  const leftCards = (story: Story): string[] =>
    story.rows('card').flatMap(({ id, title }) => (id.startsWith('leftovers:') ? [title] : []));

  beforeEach(() => {
    ended = [];
    recalled = () => undefined;
    ending = () => Promise.resolve();
  });

  it('is ended, of each server that is known to have left something', async () => {
    const work = workFor();
    await work.end();
    work.onLeftovers({ generation: 1, processes });
    work.onLeftovers({ generation: 2, processes });
    work.onLeftovers({ generation: 1, processes: [] });
    await work.end();
    assert.deepEqual(ended, [2]);
  });

  it('holds nothing up when it cannot be ended', async () => {
    ending = () => Promise.reject(new Error('no'));
    const work = workFor();
    work.onLeftovers({ generation: 1, processes });
    await work.end();
    assert.deepEqual(ended, [1]);
  });

  it('is not ended for one run while it is open what becomes of another, unless the user has said so', async () => {
    const asking = running('prompt', 'auto')
      .events(tool('running'))
      .each(died, ...readBack);
    assert.equal(asking.state.turn?.phase, 'asking');
    const other = running('prompt', 'auto')
      .events(text('Half'))
      .each(died, ...readBack);
    assert.equal(other.state.turn?.phase, 'mending');
    const work = workFor(owned(asking), owned(other));
    work.onLeftovers({ generation: 1, processes });
    await work.endFor(owned(other));
    assert.deepEqual(ended, []);
    asking.each({ kind: 'recovery-answered', turnId: 't1', choice: 'go-on' }, ...readBack.slice(-1));
    await work.endFor(owned(asking));
    assert.deepEqual(ended, [1]);
  });

  it('is told in the run whose turn died with the server, and again when it is gone', () => {
    const story = running('prompt', 'auto').events(text('Half')).each(died);
    const work = workFor(owned(story));
    work.onLeftovers({ generation: 1, processes });
    assert.deepEqual(leftCards(story), ['A process of the agent still runs']);
    work.onLeftovers({ generation: 1, processes: [] });
    assert.deepEqual(leftCards(story), ['Processes that the agent had left behind were ended']);
  });

  it('is known to the window that comes next: it can be ended there, and the card of before says so', async () => {
    const story = running('prompt', 'auto').events(text('Half')).each(died, left);
    const run = owned(story);
    const work = workFor(run);
    recalled = () => work.onLeftovers({ generation: OF_BEFORE, processes });
    await work.inherit(run);
    assert.deepEqual(leftCards(story), ['A process of the agent still runs'], 'told once');
    await work.end();
    assert.deepEqual(ended, [OF_BEFORE]);
    work.onLeftovers({ generation: OF_BEFORE, processes: [] });
    assert.deepEqual(leftCards(story), ['Processes that the agent had left behind were ended']);
  });

  it('is told by the next window where nobody lived to write it down', async () => {
    const story = running('prompt', 'auto')
      .events(text('Half'))
      .each({ kind: 'owner', owner: { pid: 2, startedAt: 2 }, reason: 'return', serverGone: true });
    const run = owned(story);
    const work = workFor(run);
    recalled = () => work.onLeftovers({ generation: OF_BEFORE, processes });
    await work.inherit(run);
    assert.deepEqual(leftCards(story), ['A process of the agent still runs']);
  });

  it('does not stay on a card when it has gone while no window was there', async () => {
    const story = running('prompt', 'auto').events(text('Half')).each(died, left);
    const run = owned(story);
    const work = workFor(run);
    recalled = () => work.onLeftovers({ generation: OF_BEFORE, processes: [] });
    await work.inherit(run);
    assert.deepEqual(leftCards(story), ['Processes that the agent had left behind were ended']);
  });
});
