import assert from 'node:assert/strict';
import type { Finding } from '../../../src/core/review/finding.ts';
import { commentLabel, commentMarkdown, problemMessage } from '../../../src/vscode/finding-look.ts';
import { t } from './translate.ts';

const finding = (more: Partial<Finding> = {}): Finding => ({
  ...{
    id: 'f1',
    severity: 'high',
    confidence: 'low',
    title: 'Promise is not awaited',
    body: 'It **fails** silently.',
    file: 'src/queue.ts',
    anchor: 'x',
    anchored: 'exact',
  },
  ...more,
});

describe('A finding in the editor', () => {
  it('has its severity and title, its text, and what is suggested', () => {
    assert.equal(commentLabel(finding(), t), 'High · Promise is not awaited');
    assert.equal(
      commentMarkdown(finding({ suggestion: 'await x();' }), t),
      'It **fails** silently.\n\nSuggested instead:\n\n```ts\nawait x();\n```',
    );
  });

  it('cannot fetch an image, link anywhere or bring HTML along', () => {
    const body =
      '![pixel](https://example.org/p.png) [do](command:workbench.action.quit) <img src="https://example.org/q.png">';
    assert.doesNotMatch(commentMarkdown(finding({ body }), t), /(?<!\\)[[<]/);
  });

  it('cannot break out of what is suggested', () => {
    const text = commentMarkdown(finding({ suggestion: '```\n![x](https://example.org/p.png)\n' }), t);
    assert.ok(text.includes('````ts\n```\n!['));
  });

  it('is bounded in Problems', () => {
    assert.equal(problemMessage(finding({ body: 'x'.repeat(5000) })).length, 600);
  });
});
