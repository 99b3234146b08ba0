import assert from 'node:assert/strict';
import { TargetError } from '../../../src/core/errors.ts';
import { parseTarget } from '../../../src/core/review/target.ts';

describe('the target of a review', () => {
  it('is the uncommitted changes', () => {
    assert.equal(parseTarget(' uncommitted\n'), 'uncommitted');
  });

  for (const asked of ['staged', 'branch:main', 'commit:abc123', 'range:v1..v2', 'range:main...HEAD']) {
    it(`may be written ${asked}, which is refused as not built yet`, () => {
      assert.throws(
        () => parseTarget(asked),
        (error) => {
          assert.ok(error instanceof TargetError);
          assert.equal(error.message, `Reviewing \`${asked}\` is not built yet; only \`uncommitted\` is.`);
          return true;
        },
      );
    });
  }

  for (const asked of ['', 'everything', 'branch:', 'range:a', 'commit:a b', 'uncommitted staged']) {
    it(`is called nonsense when it is ${JSON.stringify(asked)}`, () => {
      assert.throws(
        () => parseTarget(asked),
        (error) => {
          assert.ok(error instanceof TargetError);
          assert.ok(
            error.message.startsWith(
              `${JSON.stringify(asked)} names nothing that can be reviewed; the forms are`,
            ),
          );
          return true;
        },
      );
    });
  }
});
