import assert from 'node:assert/strict';
import { answersOf, emptyChoice, isComplete, toggle } from '../../../media/answers.ts';
import {
  count,
  formatClock,
  formatCost,
  formatRunning,
  formatSpan,
  formatTokens,
} from '../../../media/time.ts';

describe('times and amounts', () => {
  it('counts in minutes and hours', () => {
    assert.deepEqual([0, 8_999, 161_000, 3_723_000, -5].map(formatClock), [
      '0:00',
      '0:08',
      '2:41',
      '1:02:03',
      '0:00',
    ]);
  });

  it('says how long something took', () => {
    const spans = [0, 96, 4_040, 9_949, 9_951, 59_400, 59_600, 60_000, 125_000, 3_840_000];
    const words = [
      '0.0 s',
      '0.1 s',
      '4.0 s',
      '9.9 s',
      '10 s',
      '59 s',
      '1 min',
      '1 min',
      '2 min 5 s',
      '1 h 4 min',
    ];
    assert.deepEqual(spans.map(formatSpan), words);
    assert.deepEqual([4_900, 75_000].map(formatRunning), ['4 s', '1:15']);
  });

  it('rounds tokens and money', () => {
    assert.deepEqual([0, 850, 38_140, 999_400, 999_600, 1_240_000].map(formatTokens), [
      '',
      '850 tokens',
      '38k tokens',
      '999k tokens',
      '1.0M tokens',
      '1.2M tokens',
    ]);
    assert.deepEqual([0, 0.004, 0.123].map(formatCost), ['', '<$0.01', '$0.12']);
    assert.deepEqual(
      [count(1, 'file'), count(0, 'file'), count(1200, 'file')],
      ['1 file', '0 files', '1,200 files'],
    );
  });
});

describe('answers to a question', () => {
  it('takes one label where one is asked for, and several where several are', () => {
    assert.deepEqual(answersOf(toggle(toggle(emptyChoice, 'a', false), 'b', false)), ['b']);
    assert.deepEqual(answersOf(toggle(toggle(emptyChoice, 'a', true), 'b', true)), ['a', 'b']);
    assert.deepEqual(answersOf(toggle(toggle(emptyChoice, 'a', true), 'a', true)), []);
  });

  it('takes own words after the labels, and not blanks', () => {
    assert.deepEqual(answersOf({ labels: ['a'], custom: ' mine ' }), ['a', 'mine']);
    assert.equal(isComplete({ labels: [], custom: '  ' }), false);
  });
});
