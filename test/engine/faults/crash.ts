/** The server dies, at every point of a turn. */
import { halfCall, hold, reasoning, says, silence, text, tool } from '../../fakes/model/steps.ts';
import type { Fault } from './play.ts';
import {
  aCall,
  aDelta,
  anAsk,
  aRequest,
  asking,
  event,
  output,
  question,
  ranOnce,
  working,
} from './points.ts';

const ASKED = 'Go on with this turn? [continue, keep-as-is, show-log]';
const RECOVERED = 'Recovered: Server restarted, retrying 1/3 (folded)';
const REPLAYED = { outcome: 'ok', decisions: ['8 replay 1/3'], cards: [RECOVERED], attempts: 2 } as const;
const RESUMED = { ...REPLAYED, decisions: ['9 resume 1/3'] } as const;

/** @param how names the death in the titles, and keeps the files of one apart from those of another. */
export function crashes(how: string): Fault[] {
  const end = says(text('The end.'));
  const ledger = how.replaceAll(' ', '-');
  return [
    {
      fault: `${how} before the first token`,
      ids: 'R-01',
      model: [silence(), end],
      until: (play) => aRequest(play, 0),
      expected: { ...REPLAYED, requests: 2, said: ['The end.'] },
    },
    {
      fault: `${how} in the middle of a thought`,
      ids: 'R-05',
      model: [says(reasoning('Let me '), hold('death')), end],
      until: aDelta,
      expected: { ...RESUMED, requests: 2, said: ['The end.'] },
    },
    {
      fault: `${how} in the middle of a text`,
      ids: 'R-05, C-16',
      model: [says(text('Once upon '), hold('death')), end],
      until: aDelta,
      expected: { ...RESUMED, requests: 2, said: ['Once upon ', 'The end.'] },
    },
    {
      fault: `${how} while the arguments of a call stream`,
      model: [says(text('I will.'), halfCall('bash', '{"command":"echo '), hold('death')), end],
      until: (play) => aCall(play, 'pending'),
      expected: { ...RESUMED, requests: 2, said: ['I will.', 'The end.'] },
    },
    {
      fault: `${how} while a command runs`,
      ids: 'R-04',
      model: [says(working(ledger)), end],
      until: (play) => output(play, 'written'),
      answer: 'go-on',
      expected: {
        outcome: 'ok',
        decisions: ['6 ask 0/3', '9 resume 0/3'],
        asked: [ASKED],
        cards: ['Recovered: gone on with, as you said (folded)'],
        attempts: 2,
        requests: 2,
        said: ['The end.'],
      },
      also: ranOnce(ledger),
    },
    {
      fault: `${how} while a command runs, and the user does not go on`,
      ids: 'R-04',
      model: [says(working(`${ledger}-kept`)), end],
      until: (play) => output(play, 'written'),
      expected: {
        outcome: 'interrupted',
        decisions: ['6 ask 0/3'],
        asked: [ASKED],
        cards: ['Stopped'],
        attempts: 1,
        requests: 1,
        said: [],
      },
      also: ranOnce(`${ledger}-kept`),
    },
    {
      fault: `${how} while a sub-agent works`,
      ids: 'R-04',
      model: [says(tool('task', { description: 'x', prompt: 'look', subagent_type: 'general' })), end],
      until: (play) => event(play, (told) => told.type === 'session' && told.parentId !== undefined),
      answer: 'go-on',
      expected: {
        outcome: 'ok',
        decisions: ['6 ask 0/3', '9 resume 0/3'],
        asked: [ASKED],
        cards: ['Recovered: gone on with, as you said (folded)'],
        attempts: 2,
        requests: 2,
        said: ['The end.'],
      },
    },
    {
      fault: `${how} while a permission is waited for`,
      model: [says(asking(`${ledger}-asked`)), says(asking(`${ledger}-asked`)), end],
      until: anAsk,
      expected: { ...RESUMED, requests: 3, said: ['The end.'] },
      also: ranOnce(`${ledger}-asked`),
    },
    {
      fault: `${how} while a question is waited for`,
      model: [says(question), says(question), end],
      until: anAsk,
      expected: { ...RESUMED, requests: 3, said: ['The end.'] },
    },
    {
      fault: `${how} between two steps`,
      ids: 'C-15',
      model: [
        says(tool('bash', { command: `echo once >> ${ledger}-step.ledger`, description: 'x' })),
        silence(),
        end,
      ],
      until: (play) => aRequest(play, 1),
      expected: { ...REPLAYED, requests: 3, said: ['The end.'] },
      also: ranOnce(`${ledger}-step`),
    },
  ];
}

/** Its prompt is the last to be sent: the server dies as soon as it has said that it takes it. */
export function crashOnAccept(how: string): Fault {
  return {
    fault: `${how} right after the prompt was taken`,
    ids: 'C-02',
    model: [says(text('The end.'))],
    expected: { ...REPLAYED, requests: 1, said: ['The end.'] },
  };
}
