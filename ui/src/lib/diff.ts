/** Unified diffs, parsed for `controls/Diff.svelte`. Every line of the text is kept, even one that is no diff. */

import type { FileAction } from '../bindings/FileAction';

export interface FileDiff {
  path: string;
  /** The former path of a renamed file. */
  from?: string | null;
  what: FileAction;
  /** Its hunks, with or without a header. Codex writes the whole text of a file that it adds or deletes. */
  diff: string;
  /** It is not text, so there are no lines to show. */
  binary?: boolean;
  /** Lines added and removed; counted in `diff` if missing. */
  added?: number;
  removed?: number;
  /** Its diff was too large to keep. */
  omitted?: boolean;
}

export interface DiffLine {
  kind: 'context' | 'added' | 'removed' | 'note';
  text: string;
  before: number | null;
  after: number | null;
}

export interface Hunk {
  /** `@@ -1,4 +1,5 @@ fn main()`; `null` for a whole text. */
  header: string | null;
  lines: DiffLine[];
}

const HUNK = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/;
const FILE_HEADER =
  /^(diff --git |index |--- |\+\+\+ |(new|deleted) file mode |(old|new) mode |similarity index |rename )/;

/** Characters that hide or reorder others: all control and format characters but tabs, and letters without a shape. */
const INVISIBLE = /(?!\t)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u034f\u115f\u1160\u3164\uffa0]/gu;

/** A text with its invisible characters written out, as `\u{202e}`. */
export function visible(text: string): string {
  return text.replace(INVISIBLE, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);
}

function linesOf(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** A text in which every line is new or gone. */
function wholeText(text: string, kind: 'added' | 'removed'): Hunk[] {
  const lines = linesOf(text).map((line, index): DiffLine => ({
    kind,
    text: line,
    before: kind === 'removed' ? index + 1 : null,
    after: kind === 'added' ? index + 1 : null,
  }));
  return lines.length === 0 ? [] : [{ header: null, lines }];
}

/** Whether the text is a diff, and not the text of a file: whether a hunk comes first, after nothing but a header. */
function isDiff(lines: readonly string[]): boolean {
  const first = lines.find((line) => !FILE_HEADER.test(line));
  return first !== undefined && HUNK.test(first);
}

/** The hunks of a file, with invisible characters written out. */
export function parseHunks(file: Pick<FileDiff, 'diff' | 'what'>): Hunk[] {
  const hunks = readHunks(file);
  // A carriage return matters only beside lines without one.
  const crlf = hunks.every(({ lines }) => lines.every(({ kind, text }) => kind === 'note' || text.endsWith('\r')));
  return hunks.map(({ header, lines }) => ({
    header: header === null ? null : visible(header),
    lines: lines.map((line) => ({ ...line, text: visible(crlf ? line.text.replace(/\r$/, '') : line.text) })),
  }));
}

function readHunks({ diff, what }: Pick<FileDiff, 'diff' | 'what'>): Hunk[] {
  const all = linesOf(diff);
  if ((what === 'added' || what === 'deleted') && !isDiff(all))
    return wholeText(all.every((line) => FILE_HEADER.test(line)) ? '' : diff, what === 'added' ? 'added' : 'removed');
  const hunks: Hunk[] = [];
  let [before, after] = [1, 1];
  for (const line of all) {
    const start = HUNK.exec(line);
    if (start !== null) {
      [before, after] = [Number(start[1]), Number(start[2])];
      hunks.push({ header: line, lines: [] });
      continue;
    }
    if (hunks.length === 0) {
      if (FILE_HEADER.test(line)) continue;
      hunks.push({ header: null, lines: [] });
    }
    const lines = hunks.at(-1)?.lines ?? [];
    const text = line.slice(1);
    if (line.startsWith('+')) lines.push({ kind: 'added', text, before: null, after: after++ });
    else if (line.startsWith('-')) lines.push({ kind: 'removed', text, before: before++, after: null });
    else if (line.startsWith(' ') || line === '')
      lines.push({ kind: 'context', text, before: before++, after: after++ });
    else lines.push({ kind: 'note', text: line.replace(/^\\ /, ''), before: null, after: null });
  }
  return hunks;
}

/** The numbers of lines added and removed. */
export function countLines(hunks: readonly Hunk[]): { added: number; removed: number } {
  const count = (kind: DiffLine['kind']) =>
    hunks.reduce((sum, { lines }) => sum + lines.filter((line) => line.kind === kind).length, 0);
  return { added: count('added'), removed: count('removed') };
}

const ESCAPES: Record<string, number> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13 };

/** Undoes git's quoting of unusual paths, and the tab after one with spaces. */
function unquote(path: string): string {
  const quoted = /^"(.*)"$/.exec(path)?.[1];
  if (quoted === undefined) return path.replace(/\t$/, '');
  const bytes: number[] = [];
  for (const [piece, octal, escaped] of quoted.matchAll(/\\([0-7]{3})|\\(.)|[^\\]+/g)) {
    if (octal !== undefined) bytes.push(parseInt(octal, 8));
    else if (escaped !== undefined) bytes.push(ESCAPES[escaped] ?? escaped.charCodeAt(0));
    else bytes.push(...new TextEncoder().encode(piece));
  }
  return new TextDecoder().decode(new Uint8Array(bytes));
}

const withoutSide = (path: string) => unquote(path).replace(/^[ab]\//, '');

/** The path in `a/PATH b/PATH`, each perhaps in quotes. */
const repeatedPath = (both: string) => withoutSide(both.slice((both.length + 1) / 2));

/** The files of a git patch. */
export function splitPatch(patch: string): FileDiff[] {
  return patch
    .split(/^(?=diff --git )/m)
    .filter((part) => part.startsWith('diff --git '))
    .map((diff) => {
      const header = (diff.split(/^@@ /m, 1)[0] ?? '').split('\n');
      const field = (name: string) => header.find((line) => line.startsWith(name))?.slice(name.length);
      const [before, after] = [field('--- '), field('+++ ')];
      const named = [after, before].find((path) => path !== undefined && path !== '/dev/null');
      const to = field('rename to ');
      const path = named === undefined ? repeatedPath(field('diff --git ') ?? '') : withoutSide(named);
      const what =
        to !== undefined
          ? 'renamed'
          : field('new file mode ') !== undefined
            ? 'added'
            : field('deleted file mode ') !== undefined
              ? 'deleted'
              : 'changed';
      return {
        path: to === undefined ? path : unquote(to),
        from: to === undefined ? null : unquote(field('rename from ') ?? ''),
        what,
        diff,
        binary: header.some((line) => line.startsWith('Binary files ') || line === 'GIT binary patch'),
      };
    });
}

/** What a patch says of a file beside its lines. */
export function modeNote(diff: string): string | null {
  const header = diff.split(/^@@ /m, 1)[0] ?? '';
  if (/^(new|deleted) file mode 120000$/m.test(header) || / 120000$/m.test(header))
    return 'A symbolic link. Its text is the path it leads to.';
  if (/^new mode 100755$/m.test(header)) return 'Now executable.';
  return /^old mode 100755$/m.test(header) ? 'No longer executable.' : null;
}
