/** The turn is stopped: by the user, or by another client of its server. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { drop, fails, hold, says, silence, text, tool } from '../../fakes/model/steps.ts';
import { aCall, aDelta, anAsk, aRequest, aRetry, asking, neverRan, output, question } from './points.ts';
import type { Fault, Play } from './play.ts';

const STOPPED = {
  outcome: 'interrupted',
  decisions: [],
  cards: ['Stopped'],
  attempts: 1,
  requests: 1,
} as const;
const stop = ({ run }: Play): void => run.stop('user');

/** A command that writes down which process it is. */
const noted = (name: string) =>
  tool('bash', { command: `echo $$ > ${name}.pid; echo written; sleep 300`, description: 'Work' });
const hasEnded =
  (name: string) =>
  ({ stage }: Play): void => {
    const pid = Number(readFileSync(join(stage.bench.folder, `${name}.pid`), 'utf8'));
    assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
  };
/** The engine keeps the request that a stopped turn waited with (1.18.33): it must not be shown. */
async function asksNothing({ run, host }: Play): Promise<void> {
  assert.deepEqual([...run.state.conversation.asks], []);
  const { client } = await host.server.ensure();
  const { events } = await client.snapshot(run.state.sessionId!);
  assert.deepEqual(
    events.filter(({ type }) => type === 'ask'),
    [],
  );
}

/** What was said and done before the stop is there for the next prompt. */
async function nextFinds(play: Play, found: RegExp): Promise<void> {
  await play.host.prompt(play.run, 'What now?');
  await play.run.ended();
  assert.equal(play.run.state.ended?.outcome, 'ok');
  assert.match(JSON.stringify(play.requests.at(-1)?.messages), found);
}

export const stops: readonly Fault[] = [
  {
    fault: 'stopped before the first token',
    model: [silence()],
    until: (play) => aRequest(play, 0),
    strike: stop,
    expected: { ...STOPPED, said: [] },
  },
  {
    fault: 'stopped in the middle of a text',
    model: [says(text('Once upon '), hold('never')), says(text('So.'))],
    until: aDelta,
    strike: stop,
    expected: { ...STOPPED, said: ['Once upon '] },
    also: (play) => nextFinds(play, /Once upon /),
  },
  {
    fault: 'stopped while a command runs',
    model: [says(noted('stopped'))],
    until: (play) => output(play, 'written'),
    strike: stop,
    expected: { ...STOPPED, said: [] },
    also: hasEnded('stopped'),
  },
  {
    fault: 'stopped while another tool runs',
    model: ({ bench }) => [says(tool('webfetch', { url: `${bench.model.baseUrl}/page`, format: 'text' }))],
    until: (play) => play.stage.bench.model.request(({ sessionId }) => sessionId === undefined),
    strike: stop,
    expected: { ...STOPPED, said: [] },
  },
  {
    fault: 'stopped while a sub-agent works',
    model: [says(tool('task', { description: 'x', prompt: 'look around', subagent_type: 'general' }))],
    until: ({ stage: { bench } }) => bench.model.request(({ prompt }) => prompt === 'look around'),
    strike: stop,
    expected: { ...STOPPED, said: [] },
  },
  {
    fault: 'stopped while a permission is waited for',
    model: [says(asking('stopped'))],
    until: anAsk,
    strike: stop,
    expected: { ...STOPPED, said: [] },
    async also(play) {
      neverRan('stopped')(play);
      await asksNothing(play);
    },
  },
  {
    fault: 'stopped while a question is waited for',
    model: [says(question)],
    until: anAsk,
    strike: stop,
    expected: { ...STOPPED, said: [] },
    also: asksNothing,
  },
  {
    fault: 'stopped before the engine asks the model again',
    ids: 'R-07',
    model: [fails(500, 'Broken')],
    until: aRetry,
    strike: stop,
    expected: { ...STOPPED, retries: 1, said: [] },
  },
  {
    fault: 'stopped before the engine asks the model again, after a tool has run',
    model: [
      says(tool('bash', { command: 'echo once', description: 'x' }), hold('ran'), drop()),
      says(text('So.')),
    ],
    async until(play) {
      await aCall(play, 'completed');
      play.stage.bench.model.release('ran');
      await aRetry(play);
    },
    strike: stop,
    expected: { ...STOPPED, retries: 1, said: [] },
    also: (play) => nextFinds(play, /"role":"tool".*"role":"user"/),
  },
];

/** @param how of the other client: names the rows, and keeps their files apart. */
export function cutByOther(how: string): Fault[] {
  const file = how.replaceAll(' ', '-');
  return [
    {
      fault: `${how} in the middle of a text`,
      model: [says(text('Once upon '), hold('never'))],
      until: aDelta,
      expected: { ...STOPPED, said: ['Once upon '] },
    },
    {
      fault: `${how} while a command runs`,
      model: [says(noted(file))],
      until: (play) => output(play, 'written'),
      expected: { ...STOPPED, said: [] },
      also: hasEnded(file),
    },
    {
      fault: `${how} while a permission is waited for`,
      model: [says(asking(file))],
      until: anAsk,
      expected: { ...STOPPED, said: [] },
      // The engine takes the end of the wait for a refusal, or for a stop like any other.
      or: { outcome: 'incomplete', cards: ['Ended without a full answer [continue, show-log]'] },
      async also(play) {
        neverRan(file)(play);
        await asksNothing(play);
      },
    },
  ];
}

const path = ({ run }: Play, more: string): string => `/session/${run.state.sessionId}${more}`;

export const otherClients: readonly Fault[] = [
  {
    fault: 'stopped, with a prompt of another client queued behind it',
    model: [says(text('Once upon '), hold('never')), says(text('So.'))],
    until: aDelta,
    async strike(play) {
      const { request } = play.stage.other;
      await request('POST', path(play, '/prompt_async'), { parts: [{ type: 'text', text: 'and then?' }] });
      play.run.stop('user');
    },
    expected: { ...STOPPED, said: ['Once upon '] },
    async also(play) {
      await nextFinds(play, /and then\?.*What now\?/);
      assert.equal(play.requests.length, 2);
    },
  },
  {
    fault: 'stopped by the user and by another client when it is idle',
    ids: 'S-13',
    model: [says(text('The end.'))],
    expected: { outcome: 'ok', decisions: [], cards: [], attempts: 1, requests: 1, said: ['The end.'] },
    async also(play) {
      const { run, host } = play;
      stop(play);
      await play.stage.other.request('POST', path(play, '/abort'));
      assert.equal(run.state.ended?.outcome, 'ok');
      await host.prompt(run, 'And again');
      await run.ended();
      assert.deepEqual([run.state.ended?.outcome, play.requests.length], ['ok', 2]);
    },
  },
  {
    fault: 'another client deletes the session in the middle of a text',
    model: [says(text('Once upon '), hold('never'))],
    until: aDelta,
    strike: (play) => play.stage.other.request('DELETE', path(play, '')),
    expected: { ...STOPPED, said: ['Once upon '] },
    // The engine is told to stop as well.
    also: (play) => play.requests[0]?.left,
  },
];
