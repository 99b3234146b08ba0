import assert from 'node:assert/strict';
import * as v from 'valibot';
import { factsOf, summaryOf } from '../../../src/core/recovery/facts.ts';
import { IncidentRecordSchema } from '../../../src/core/recovery/incident.ts';
import { running, text, tool } from '../support/story.ts';

describe('the record of an incident', () => {
  it('R-03, R-10: holds the cause and numbers, and no word of what was said or done', () => {
    const story = running().events(text('secret words'), tool('running', { summary: 'secret command' }));
    const record = {
      kind: 'incident',
      turnId: 't1',
      attempt: 1,
      cause: { type: 'session-stalled', clock: 'first-byte', silentMs: 120_000 },
      facts: summaryOf(factsOf(story.state.turn!, story.state.conversation, 'whole')),
    };
    assert.deepEqual(v.parse(IncidentRecordSchema, JSON.parse(JSON.stringify(record))), record);
    assert.doesNotMatch(JSON.stringify(record), /secret/);
  });

  it('refuses a cause that it does not know', () => {
    const cause = { type: 'weather' };
    assert.equal(v.is(IncidentRecordSchema.entries.cause, cause), false);
  });
});
