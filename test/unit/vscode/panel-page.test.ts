import assert from 'node:assert/strict';
import { panelPage } from '../../../src/vscode/panel-page.ts';

describe("The panel's document", () => {
  const page = panelPage({
    cspSource: 'https://*.vscode-cdn.net',
    nonce: 'abc_-1',
    script: 'https://h/panel.js?a&b',
    style: 'https://h/panel.css',
    language: 'de"><script>',
  });
  const policy = /Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1] ?? '';

  it('lets in its own style and script, and nothing else', () => {
    assert.equal(policy, "default-src 'none'; style-src https://*.vscode-cdn.net; script-src 'nonce-abc_-1'");
    assert.equal([...page.matchAll(/<script/g)].length, 1);
    assert.match(page, /<script nonce="abc_-1" src="https:\/\/h\/panel\.js\?a&#38;b"><\/script>/);
  });
});
