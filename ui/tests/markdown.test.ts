import { describe, expect, test } from 'vitest';
import { markdownNodes } from '../src/lib/markdown';

function rendered(text: string): HTMLElement {
  const element = document.createElement('div');
  element.append(markdownNodes(text));
  return element;
}

test('Markdown becomes headings, lists, tables, emphasis and code', () => {
  const answer = rendered(
    '# Title\n\nSome **bold** and `code`.\n\n- one\n- two\n\n| a | b |\n| - | -: |\n| 1 | 2 |\n\n```rust\nlet a = 1 < 2;\n```\n\n- [x] done',
  );
  expect(answer.querySelector('h1')?.textContent).toBe('Title');
  expect(answer.querySelector('strong')?.textContent).toBe('bold');
  expect([...answer.querySelectorAll('ul:first-of-type li')].map((item) => item.textContent)).toContain('one');
  expect(answer.querySelector('td[align=right]')?.textContent).toBe('2');
  expect(answer.querySelector('pre')?.dataset['language']).toBe('rust');
  expect(answer.querySelector('pre code')?.textContent).toBe('let a = 1 < 2;\n');
  expect(answer.textContent).toContain('☑ done');
});

test('a half-written answer is rendered as far as it goes', () => {
  expect(rendered('```py\nprint(1').querySelector('pre')?.textContent).toBe('print(1\n');
  expect(rendered('**bo').textContent).toContain('**bo');
});

test('web and mail links stay links', () => {
  const links = rendered('[a](https://example.com/?a=1&b=2) <me@example.com> http://example.org').querySelectorAll('a');
  expect([...links].map((link) => link.getAttribute('href'))).toEqual([
    'https://example.com/?a=1&b=2',
    'mailto:me@example.com',
    'http://example.org',
  ]);
});

test('a picture is shown as its description and address, and loads nothing', () => {
  const answer = rendered('![a cat](https://evil.test/cat.png?secret=1 "title")');
  expect(answer.querySelector('img')).toBeNull();
  expect(answer.textContent?.trim()).toBe('a cat (https://evil.test/cat.png?secret=1)');
  expect(rendered('![](data:image/svg+xml,%3Csvg/%3E)').textContent?.trim()).toBe(
    'Picture (data:image/svg+xml,%3Csvg/%3E)',
  );
});

const HOSTILE = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '<img src="https://evil.test/pixel.png">',
  'text <b onclick="alert(1)">b</b>',
  '[click](javascript:alert(1))',
  '[click](JaVaScRiPt:alert(1))',
  '[click](java&#10;script:alert(1))',
  '[click](&#106;avascript:alert(1))',
  '[click](\u0001javascript:alert(1))',
  '[click](vbscript:msgbox(1))',
  '[click](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)',
  '[click](file:///etc/passwd)',
  '[click](//evil.test)',
  '[click](/settings)',
  '[click](blob:https://evil.test/1)',
  '<javascript:alert(1)>',
  '[ref][r]\n\n[r]: javascript:alert(1)',
  '[a](https://evil.test" onmouseover="alert(1))',
  '![x](x" onerror="alert(1))',
  '![x](https://evil.test/x.svg)',
  '<iframe src="https://evil.test"></iframe>',
  '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
  '<object data="https://evil.test"></object><embed src="https://evil.test">',
  '<svg><script>alert(1)</script></svg>',
  '<svg onload=alert(1)>',
  '<svg><a xlink:href="javascript:alert(1)"><text>x</text></a></svg>',
  '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
  '<math><annotation-xml encoding="text/html"><img src=x onerror=alert(1)></annotation-xml></math>',
  '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
  '<style>@import url(https://evil.test/x.css)</style>',
  '<p style="position:fixed;inset:0;background:url(https://evil.test)">x</p>',
  '<link rel=stylesheet href=https://evil.test/x.css>',
  '<meta http-equiv=refresh content="0;url=https://evil.test">',
  '<base href="https://evil.test/">',
  '<form action="https://evil.test"><input name=key><button formaction="javascript:alert(1)">Send</button></form>',
  '<a href="https://evil.test" target="_blank" ping="https://evil.test/ping">x</a>',
  '<video src="https://evil.test" autoplay></video><audio src="https://evil.test"></audio>',
  '<details open ontoggle=alert(1)><summary>x</summary></details>',
  '<input autofocus onfocus=alert(1)>',
  '<template><img src=x onerror=alert(1)></template>',
  '<x id="app" class="window" name="host" slot="a" is="b" contenteditable>x</x>',
  '```html" onclick="alert(1)\n<script>alert(1)</script>\n```',
  '```"><img/src=x/onerror=alert(1)>\nx\n```',
  '`<img src=x onerror=alert(1)>`',
  '# <img src=x onerror=alert(1)>',
  '| <img src=x onerror=alert(1)> |\n| - |\n| <script>alert(1)</script> |',
  '&lt;img src=x onerror=alert(1)&gt;',
  '<!--<img src="--><img src=x onerror=alert(1)>">',
  '<![CDATA[<img src=x onerror=alert(1)>]]>',
  '<?xml version="1.0"?><img src=x onerror=alert(1)>',
  '<a href="https://evil.test">half <b',
];

/** All that an answer may consist of. */
const TAGS = new Set(
  'A BLOCKQUOTE BR CODE DEL DIV EM H1 H2 H3 H4 H5 H6 HR LI OL P PRE SPAN STRONG TABLE TBODY TD TH THEAD TR UL'.split(
    ' ',
  ),
);
const ATTRIBUTES = new Set(['href', 'start', 'align', 'data-language']);

describe('hostile answers', () => {
  test.each(HOSTILE)('%s', (text) => {
    for (const answer of [rendered(text), rendered(`> 1. ${text}`), rendered(`**${text}**`)]) {
      for (const element of answer.querySelectorAll('*')) {
        expect(TAGS, element.outerHTML).toContain(element.tagName);
        for (const { name, value } of element.attributes) {
          expect(ATTRIBUTES, element.outerHTML).toContain(name);
          if (name === 'href') expect(value).toMatch(/^(https?|mailto):/i);
        }
      }
      // Parsed again, as by a browser that got it as text, it is still the same.
      const again = document.createElement('div');
      again.innerHTML = answer.innerHTML;
      answer.normalize();
      expect(again.innerHTML).toBe(answer.innerHTML);
      expect(again.isEqualNode(answer)).toBe(true);
    }
  });

  test('no hostile word is lost: the user sees what the model wrote', () => {
    expect(rendered('<script>alert(1)</script>').textContent).toContain('<script>alert(1)</script>');
    expect(rendered('[click](javascript:alert(1))').textContent).toContain('javascript:alert(1)');
  });
});
