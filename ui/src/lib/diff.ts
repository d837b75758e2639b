/** Unified diffs, parsed for `controls/Diff.svelte`. Every line of the text is kept, even one that is no diff. */

/** What happened to a file. */
export type FileAction = 'added' | 'deleted' | 'changed' | 'renamed';

export interface FileDiff {
  path: string;
  /** The former path of a renamed file. */
  from?: string | null;
  what: FileAction;
  /** Its hunks, with or without a header. Codex writes the whole text of a file that it adds or deletes. */
  diff: string;
  /** It is not text, so there are no lines to show. */
  binary?: boolean;
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

export function parseHunks({ diff, what }: Pick<FileDiff, 'diff' | 'what'>): Hunk[] {
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

const unquote = (path: string) => path.replace(/^"(.*)"$/, '$1');
const withoutSide = (path: string) => unquote(path).replace(/^[ab]\//, '');

/** The files of a git patch. */
export function splitPatch(patch: string): FileDiff[] {
  return patch
    .split(/^(?=diff --git )/m)
    .filter((part) => part.startsWith('diff --git '))
    .map((diff) => {
      const header = (/^[^@]*?(?=^@@ |$(?![^]))/m.exec(diff)?.[0] ?? diff).split('\n');
      const field = (name: string) => header.find((line) => line.startsWith(name))?.slice(name.length);
      const [before, after] = [field('--- '), field('+++ ')];
      const named = [after, before].find((path) => path !== undefined && path !== '/dev/null');
      const to = field('rename to ');
      const path =
        to ?? (named === undefined ? (/^diff --git .* "?b\/(.*?)"?$/m.exec(diff)?.[1] ?? '') : withoutSide(named));
      const what =
        to !== undefined
          ? 'renamed'
          : field('new file mode ') !== undefined
            ? 'added'
            : field('deleted file mode ') !== undefined
              ? 'deleted'
              : 'changed';
      return {
        path: unquote(path),
        from: to === undefined ? null : unquote(field('rename from ') ?? ''),
        what,
        diff,
        binary: header.some((line) => line.startsWith('Binary files ') || line === 'GIT binary patch'),
      };
    });
}
