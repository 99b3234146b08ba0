/** Where a turn can be, and what brings it there. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineEvent } from '../../../src/core/engine.ts';
import { tool } from '../../fakes/model/steps.ts';
import { recordOf } from '../support/product-bench.ts';
import type { Play } from './play.ts';

/** Resolves with the first event of the turn that fits. */
export const event = (play: Play, fits: (event: EngineEvent) => boolean): Promise<unknown> =>
  recordOf(play.run, 'event', (record) => fits(record.event));
export const aDelta = (play: Play): Promise<unknown> => event(play, ({ type }) => type === 'delta');
export const anAsk = (play: Play): Promise<unknown> => event(play, ({ type }) => type === 'ask');
export const aCall = (play: Play, status: string): Promise<unknown> =>
  event(play, (told) => told.type === 'part' && told.part.type === 'tool' && told.part.status === status);
/** The engine is about to ask the model again. */
export const aRetry = (play: Play): Promise<unknown> =>
  event(play, (told) => told.type === 'status' && told.status.type === 'retry');
/** Its command has put this out. */
export const output = (play: Play, said: string): Promise<unknown> =>
  event(
    play,
    (told) => told.type === 'part' && told.part.type === 'tool' && told.part.output?.includes(said) === true,
  );
export const aRequest = (play: Play, n: number): Promise<unknown> =>
  play.stage.bench.model.request(({ sessionId }) => sessionId === play.run.state.sessionId, n);

/** A command that leaves a line in a file of its own, says so, and does not end by itself. */
export const working = (ledger: string) =>
  tool('bash', {
    command: `echo once >> ${ledger}.ledger; echo written; sleep 300`,
    description: 'Work',
  });
/** The line is there once: what ran was not run again. */
export const ranOnce = (ledger: string) => (play: Play) => assert.equal(lines(play, ledger), 'once\n');
export const neverRan = (ledger: string) => (play: Play) => assert.equal(lines(play, ledger), '');
function lines({ stage: { bench } }: Play, ledger: string): string {
  const file = join(bench.folder, `${ledger}.ledger`);
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}
/** A command that the bench's rules ask about. */
export const asking = (ledger: string) =>
  tool('bash', { command: `touch asked; echo once >> ${ledger}.ledger`, description: 'Ask' });
export const question = tool('question', {
  questions: [{ question: 'Which?', header: 'Pick', options: [{ label: 'A', description: 'first' }] }],
});
