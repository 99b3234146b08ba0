/** Others use the same server or the same data, and requests come late. */
import assert from 'node:assert/strict';
import { hold, says, text } from '../../fakes/model/steps.ts';
import type { LossyProxy } from '../support/lossy-proxy.ts';
import { recordOf } from '../support/product-bench.ts';
import { aDelta } from './points.ts';
import type { Fault, Play } from './play.ts';

const OK = {
  outcome: 'ok',
  decisions: [],
  cards: [],
  attempts: 1,
  requests: 1,
  said: ['One, two.'],
} as const;
const inTwo = (gate: string) => says(text('One, '), hold(gate), text('two.'));

const session = ({ run }: Play): string => `/session/${run.state.sessionId}`;

async function prompts({ run, host }: Play): Promise<number> {
  const { client } = await host.server.ensure();
  const { events } = await client.snapshot(run.state.sessionId!);
  return events.filter((told) => told.type === 'message' && told.message.role === 'user').length;
}

export const shared: readonly Fault[] = [
  {
    fault: 'another prompt while the turn runs',
    model: [inTwo('another prompt')],
    until: aDelta,
    async strike(play) {
      await assert.rejects(play.host.prompt(play.run, 'More'), /under way/);
      play.stage.bench.model.release('another prompt');
    },
    expected: OK,
    async also(play) {
      assert.equal(await prompts(play), 1);
    },
  },
  {
    fault: 'another server on the same data is told to stop the session',
    model: [inTwo('stop there')],
    until: aDelta,
    async strike(play) {
      await play.stage.other.request('POST', `${session(play)}/abort`);
      play.stage.bench.model.release('stop there');
    },
    expected: OK,
  },
  {
    fault: 'another server on the same data runs a turn of its own in the session',
    model: [inTwo('turn there'), says(text('Theirs.'))],
    until: aDelta,
    async strike(play) {
      await play.stage.other.request('POST', `${session(play)}/message`, {
        parts: [{ type: 'text', text: 'Another' }],
      });
      play.stage.bench.model.release('turn there');
    },
    expected: { ...OK, requests: 2 },
  },
];

/** The first request with each prompt reaches the server only when it was given up and sent again long ago. */
export function late(proxy: () => LossyProxy): Fault[] {
  const deliver = (play: Play): Promise<void> =>
    proxy().deliver((path) => path.startsWith(`${session(play)}/prompt_async`));
  return [
    {
      fault: 'a prompt that was given up comes late, while the turn runs',
      ids: 'C-02',
      model: [inTwo('late')],
      until: aDelta,
      async strike(play) {
        await deliver(play);
        play.stage.bench.model.release('late');
      },
      expected: OK,
      async also(play) {
        assert.equal(await prompts(play), 1);
      },
    },
    {
      fault: 'a prompt that was given up comes late, after the turn',
      ids: 'C-02',
      model: [says(text('One, two.'))],
      expected: OK,
      async also(play) {
        const { run } = play;
        const seq = run.state.seq;
        await deliver(play);
        await recordOf(
          run,
          'event',
          ({ seq: at, event }) => at > seq && event.type === 'status' && event.status.type === 'idle',
        );
        assert.equal(await prompts(play), 1);
        assert.deepEqual([run.active, run.state.ended?.outcome, play.requests.length], [false, 'ok', 1]);
      },
    },
  ];
}
