/**
 * Markdown of an answer, as nodes that load nothing and run nothing.
 *
 * An answer may repeat what a hostile page told the model. HTML in it is text, pictures are their description and address, and
 * links are addresses of the web or mail, which the app opens in the system's browser. The sanitizer is the second lock: the
 * parser emits nothing that it would have to remove.
 */

import DOMPurify from 'dompurify';
import { Marked, type Tokens } from 'marked';

/** Like `openable` in the app, which checks again. */
const LINK = /^(?:https?|mailto):/i;

// What the parser emits. Nothing loads (img, iframe, video), runs (script), styles (style) or submits (form).
const ALLOWED_TAGS =
  'a blockquote br code del div em h1 h2 h3 h4 h5 h6 hr li ol p pre span strong table tbody td th thead tr ul'.split(
    ' ',
  );
const PLAIN_ATTR = ['start', 'align', 'data-language'];

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escape = (text: string) => text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? '');

const parser = new Marked({ gfm: true, breaks: true });
parser.use({
  renderer: {
    html: ({ text }: Tokens.HTML | Tokens.Tag) => escape(text),
    image: ({ href, text }: Tokens.Image) => `<span>${escape(text || 'Picture')} (${escape(href)})</span>`,
    link({ href, tokens }: Tokens.Link) {
      const text = this.parser.parseInline(tokens);
      return LINK.test(href) ? `<a href="${escape(href)}">${text}</a>` : `<span>${text} (${escape(href)})</span>`;
    },
    code: ({ text, lang }: Tokens.Code) =>
      `<pre data-language="${escape(lang?.split(/\s/)[0] ?? '')}"><code>${escape(text)}\n</code></pre>`,
    checkbox: ({ checked }: Tokens.Checkbox) => (checked ? '☑ ' : '☐ '),
  },
});

/** Where a link in `markdownNodes` leads, or nothing. */
export function linkOf(target: EventTarget | null): string | null {
  return target instanceof Element ? (target.closest('a')?.getAttribute('href') ?? null) : null;
}

export function markdownNodes(text: string): DocumentFragment {
  return DOMPurify.sanitize(parser.parse(text, { async: false }), {
    RETURN_DOM_FRAGMENT: true,
    ALLOWED_TAGS,
    ALLOWED_ATTR: ['href', ...PLAIN_ATTR],
    ADD_URI_SAFE_ATTR: PLAIN_ATTR,
    ALLOWED_URI_REGEXP: LINK,
    ALLOW_ARIA_ATTR: false,
    ALLOW_DATA_ATTR: false,
  });
}
