import assert from 'node:assert/strict';
import { type Command, parseCommand, UsageError } from '../../../src/cli/args.ts';
import { helpText } from '../../../src/cli/help.ts';

const parse = (line: string): Command => parseCommand(line === '' ? [] : line.split(' '));

describe('the command line', () => {
  const good: Record<string, Command> = {
    '--version': { name: 'version' },
    '--help': { name: 'help' },
    'help run': { name: 'help', topic: 'run' },
    'review --help': { name: 'help', topic: 'review' },
    review: { name: 'review', target: 'uncommitted', json: false },
    'review --target branch:main --json --report=r.md': {
      name: 'review',
      target: 'branch:main',
      json: true,
      report: 'r.md',
    },
    'run hello --model a/b --engine-path /x --journal /j': {
      name: 'run',
      prompt: 'hello',
      json: false,
      model: 'a/b',
      enginePath: '/x',
      journal: '/j',
    },
    'run --attach http://127.0.0.1:4096 --model demo -- --hello': {
      name: 'run',
      prompt: '--hello',
      json: false,
      attach: 'http://127.0.0.1:4096',
      model: 'demo',
    },
    'review --recovery ask': { name: 'review', target: 'uncommitted', json: false, recovery: 'ask' },
    'run hello --recovery=off': { name: 'run', prompt: 'hello', json: false, recovery: 'off' },
    drill: { name: 'drill', json: false },
    'drill --only freeze,crash --json --engine-path /x': {
      name: 'drill',
      json: true,
      only: ['crash', 'freeze'],
      enginePath: '/x',
    },
    'drill --help': { name: 'help', topic: 'drill' },
    'replay runs/1 --follow': { name: 'replay', journal: 'runs/1', follow: true },
  };
  for (const [line, command] of Object.entries(good)) {
    it(`understands "${line}"`, () => assert.deepEqual(parse(line), command));
  }

  const bad: Record<string, RegExp> = {
    '': /^Say what to do/,
    revue: /^There is no command "revue"/,
    '--quick': /^There is no option --quick/,
    'help revue': /^There is no help on "revue"/,
    'review main': /^`review` takes no "main"/,
    'drill now': /^`drill` takes no "now"/,
    'drill --only crash,': /^--only has no fault ""/,
    'drill --only boom': /^--only has no fault "boom"; there are crash, /,
    'drill --model demo': /^`drill` has no option --model/,
    'review --fast': /^`review` has no option --fast/,
    'review --follow': /^`review` has no option --follow/,
    'run hi --report x': /^`run` has no option --report/,
    'review --target': /^--target needs a value/,
    'review --target --json': /^--target needs a value/,
    'review --report=': /^--report needs a value/,
    'review --json=yes': /^--json takes no value/,
    'review --json --json': /^--json is given twice/,
    'review --model gpt': /^--model must look like provider\/model/,
    'review --attach 4096': /^--attach must be an http/,
    'review --attach http://me:secret@h': /^--attach must not hold a password/,
    'review --attach http://h --engine-path /x': /^--attach uses a server that runs already/,
    'review --recovery never': /^--recovery must be auto, ask or off/,
    'review --recovery': /^--recovery needs a value/,
    'run hi --recovery ask --recovery off': /^--recovery is given twice/,
    'replay runs/1 --recovery ask': /^`replay` has no option --recovery/,
    run: /^`run` needs a prompt/,
    'run fix it': /^`run` takes one prompt/,
    replay: /^`replay` needs a journal/,
    'replay a b': /^`replay` takes one journal/,
    'review --constructor': /^`review` has no option --constructor/,
  };
  for (const [line, message] of Object.entries(bad)) {
    it(`refuses "${line}" in one line that says where help is`, () => {
      assert.throws(
        () => parse(line),
        (error) => {
          assert.ok(error instanceof UsageError);
          assert.match(error.message, message);
          assert.match(error.message, /\(see `holdfast [^`]+`\)\.$/);
          assert.doesNotMatch(error.message, /\n/);
          return true;
        },
      );
    });
  }

  it('the help names every option of a command, and the environment variables', () => {
    for (const word of [
      '--target',
      '--report',
      '--json',
      '--model',
      '--engine-path',
      '--attach',
      '--journal',
      '--recovery',
    ]) {
      assert.ok(helpText('review').includes(`\n  ${word} `), word);
    }
    assert.ok(helpText('replay').includes('--follow'));
    for (const variable of ['ENGINE_PATH', 'MODEL', 'STALL_TIMEOUT', 'RESTART_BUDGET', 'SERVER_PASSWORD']) {
      assert.ok(helpText(undefined).includes(`HOLDFAST_${variable}`), variable);
    }
    const lines = (['review', 'run', 'replay', undefined] as const).flatMap((topic) =>
      helpText(topic).split('\n'),
    );
    assert.deepEqual(
      lines.filter((line) => line.length > 120),
      [],
    );
  });
});
