import assert from 'node:assert/strict';
import { highlight, type Span } from '../../../media/highlight.ts';
import { parseMarkdown, plainText, type MarkdownNode } from '../../../media/markdown.ts';
import type { Link } from '../../../media/links.ts';

function visit(nodes: readonly MarkdownNode[], see: (node: MarkdownNode) => void): void {
  for (const node of nodes) {
    see(node);
    if (typeof node !== 'string' && 'children' in node) visit(node.children, see);
  }
}

function linksOf(source: string): Link[] {
  const links: Link[] = [];
  visit(parseMarkdown(source), (node) => {
    if (typeof node !== 'string' && node.tag === 'link') links.push(node.link);
  });
  return links;
}

function textOf(source: string): string {
  let text = '';
  visit(parseMarkdown(source), (node) => (text += typeof node === 'string' ? node : ''));
  return text;
}

describe('hostile Markdown', () => {
  const html = [
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '<svg onload=alert(1)><a xlink:href="javascript:alert(1)">x</a></svg>',
    '<style>body{background:url(https://evil.example)}</style>',
    '<form action="https://evil.example"><button>go</button></form>',
    '<meta http-equiv="refresh" content="0;url=https://evil.example">',
    '<iframe src="https://evil.example"></iframe>',
    '<a href="javascript:alert(1)">x</a>',
    '<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>',
    '<base href="https://evil.example/">',
    '<details open ontoggle=alert(1)>x</details>',
  ];
  for (const source of html) {
    it(`shows HTML as text: ${source.slice(0, 32)}`, () => {
      for (const text of [
        source,
        `before ${source} after`,
        `- ${source}`,
        `> ${source}`,
        `|a|\n|-|\n|${source}|`,
      ]) {
        visit(parseMarkdown(text), (node) => {
          const tag = typeof node === 'string' ? 'text' : node.tag;
          const known = /^(text|p|li|ul|blockquote|table|thead|tbody|tr|th|td|span|strong|em|del|code|link)$/;
          assert.match(tag, known);
        });
        for (const link of linksOf(text))
          assert.equal(link.kind === 'web' ? new URL(link.url).protocol : 'file', 'https:');
      }
      assert.ok(textOf(`x ${source}`).includes('<'), 'the source is seen');
    });
  }

  const addresses = [
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    'javascript&colon;alert(1)',
    '&#106;avascript:alert(1)',
    'java&Tab;script:alert(1)',
    'data:text/html,<script>alert(1)</script>',
    'vbscript:msgbox(1)',
    'command:workbench.action.terminal.new',
    'vscode://file/etc/passwd',
    'file:///etc/passwd',
    'http://example.org',
    '//evil.example/x',
    'mailto:a@example.org',
    'https://github.com@evil.example/',
    'https://',
    '/etc/passwd',
    '../../.ssh/id_rsa',
    'src/../../x.ts',
    '..%2f..%2fetc/passwd',
    'C:\\Windows\\win.ini',
    'src\\pay.ts',
    '#heading',
    '',
  ];
  for (const address of addresses) {
    it(`makes no link of ${address}`, () => {
      assert.deepEqual(linksOf(`[text](<${address}>)`), []);
      assert.deepEqual(linksOf(`[text](${address})`), []);
      assert.deepEqual(linksOf(`![text](${address})`), []);
      assert.deepEqual(linksOf(`[text][r]\n\n[r]: ${address}`), []);
    });
  }

  it('makes no link of an address with a line break', () => {
    assert.deepEqual(linksOf('[x](<src/a.ts\njavascript:alert(1)>)'), []);
    assert.deepEqual(linksOf('[x](https://example.org/&#10;evil)'), []);
    assert.deepEqual(linksOf('[x](https://example.org/&NewLine;evil)'), []);
  });

  it('loads no image: it becomes a link to itself', () => {
    assert.deepEqual(linksOf('![beacon](https://evil.example/?secret)'), [
      { kind: 'web', url: 'https://evil.example/?secret' },
    ]);
    assert.equal(textOf('![](https://evil.example/x.png)'), 'https://evil.example/x.png');
  });

  it('survives nesting without end', () => {
    for (const mark of ['> ', '>', '- ', '* ', '1. ', '[', '![', '**', '_', '`', '((', '<']) {
      const source = mark.repeat(4000);
      assert.ok(parseMarkdown(source.slice(0, 8000)).length > 0, mark);
    }
  });
});

describe('links of Markdown', () => {
  it('follows https addresses', () => {
    assert.deepEqual(linksOf('[docs](https://example.org/a?b=1&amp;c=2#d)'), [
      { kind: 'web', url: 'https://example.org/a?b=1&c=2#d' },
    ]);
    assert.deepEqual(linksOf('see https://example.org/x.'), [{ kind: 'web', url: 'https://example.org/x' }]);
  });

  it('opens files by path, line and anchor', () => {
    const at42 = [{ kind: 'file', file: 'src/pay.ts', line: 42 }];
    assert.deepEqual(linksOf('[pay](src/pay.ts:42)'), at42);
    assert.deepEqual(linksOf('[pay](./src/pay.ts#L42)'), at42);
    assert.deepEqual(linksOf('[pay](src/pay.ts#L42-L50)'), at42);
    assert.deepEqual(linksOf('[pay](src/pay.ts:42:7)'), at42);
    assert.deepEqual(linksOf('`src/pay.ts:42`'), at42);
    assert.deepEqual(linksOf('see src/pay.ts:42, and'), at42);
    assert.deepEqual(linksOf('`pay.ts:42`'), [{ kind: 'file', file: 'pay.ts', line: 42 }]);
    assert.deepEqual(linksOf('[guide](docs/My%20guide.md)'), [{ kind: 'file', file: 'docs/My guide.md' }]);
  });

  it('leaves code that is no file alone', () => {
    for (const code of [
      '`charge()`',
      '`a.b`',
      '`localhost:3000`',
      '`npm run x`',
      '`1/2`',
      'at 10:42',
      'src/pay.ts',
    ]) {
      assert.deepEqual(linksOf(code), [], code);
    }
  });

  it('puts no link into a link', () => {
    assert.equal(linksOf('[see `src/pay.ts:42` and src/pay.ts:7](https://example.org)').length, 1);
  });
});

describe('text of Markdown', () => {
  it('resolves character references once', () => {
    assert.equal(textOf('a &lt;b&gt; &amp;amp; &#x41; &nope;'), 'a <b> &amp; A &nope;');
    assert.equal(textOf('`&lt;`'), '&lt;');
  });

  it('keeps what the parser does not know', () => {
    assert.equal(textOf('a <b>bold</b> b'), 'a <b>bold</b> b');
  });

  it('reads as one plain line', () => {
    assert.equal(
      plainText('# Title\n\n- *one*\n- [two](https://example.org)\n\n```ts\nx\n```'),
      'Title one two x',
    );
  });
});

describe('colours of code', () => {
  const plain = (spans: readonly Span[]): string =>
    spans.map((span) => (typeof span === 'string' ? span : plain(span.children))).join('');

  it('changes no character, however it looks', () => {
    const sources = {
      ts: 'const a: string = `<b>${"&lt;" + \'</span>\'}</b>`; // <span class="hljs-x">',
      html: '<p class="x" onclick=\'y\'>&amp;&#x27;</p><script>let a = "</span>"</script>',
      js: 'import x from "y"; class A extends B {}',
      diff: '- old\n+ new',
      py: 'def f(x): return f"{x!r}"',
    };
    for (const [language, code] of Object.entries(sources)) {
      const spans = highlight(code, language);
      assert.equal(plain(spans), code);
      assert.ok(
        spans.some((span) => typeof span !== 'string'),
        language,
      );
    }
  });

  it('leaves unknown languages and very long code plain', () => {
    assert.deepEqual(highlight('x', 'klingon'), ['x']);
    assert.deepEqual(highlight('x', ''), ['x']);
    assert.equal(highlight('let a;\n'.repeat(10_000), 'ts').length, 1);
  });
});
