import { fireEvent, render, screen } from '@testing-library/svelte';
import { expect, test } from 'vitest';
import Diff from '../src/controls/Diff.svelte';
import { countLines, parseHunks, splitPatch, visible } from '../src/lib/diff';

const CHANGED = `--- a/notes.md
+++ b/notes.md
@@ -3,3 +3,3 @@ Title
 before
-old
+new
 after
\\ No newline at end of file
`;

test('a diff has the line numbers of both sides', () => {
  const [hunk] = parseHunks({ diff: CHANGED, what: 'changed' });
  expect(hunk?.header).toBe('@@ -3,3 +3,3 @@ Title');
  expect(hunk?.lines.map(({ kind, text, before, after }) => [kind, text, before, after])).toEqual([
    ['context', 'before', 3, 3],
    ['removed', 'old', 4, null],
    ['added', 'new', null, 4],
    ['context', 'after', 5, 5],
    ['note', 'No newline at end of file', null, null],
  ]);
});

test('the text of a new file is all added, whatever its lines look like', () => {
  const hunks = parseHunks({ diff: '- a list\n+ more\n\n', what: 'added' });
  expect(hunks[0]?.lines.map(({ kind, text }) => [kind, text])).toEqual([
    ['added', '- a list'],
    ['added', '+ more'],
    ['added', ''],
  ]);
  expect(countLines(parseHunks({ diff: 'one\ntwo\n', what: 'deleted' }))).toEqual({ added: 0, removed: 2 });
  expect(countLines(parseHunks({ diff: '@@ -0,0 +1 @@\n+one\n', what: 'added' }))).toEqual({ added: 1, removed: 0 });
});

test('no line of a text that is no diff is lost', () => {
  const [hunk] = parseHunks({ diff: 'who knows\n+ what\n', what: 'changed' });
  expect(hunk?.lines.map(({ text }) => text)).toEqual(['who knows', ' what']);
});

test('a patch is split into its files', () => {
  const patch = [
    'diff --git a/a.txt b/a.txt\nindex 1..2 100644\n--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-x\n+y @@ diff --git a/q b/q\n',
    'diff --git a/new name.txt b/new name.txt\nnew file mode 100644\n--- /dev/null\n+++ b/new name.txt\n@@ -0,0 +1 @@\n+hi\n',
    'diff --git a/gone b/gone\ndeleted file mode 100644\n--- a/gone\n+++ /dev/null\n@@ -1 +0,0 @@\n-bye\n',
    'diff --git a/old.rs b/new.rs\nsimilarity index 100%\nrename from old.rs\nrename to new.rs\n',
    'diff --git a/p.png b/p.png\nnew file mode 100644\nBinary files /dev/null and b/p.png differ\n',
    'diff --git a/empty b/empty\nnew file mode 100644\nindex 0..e\n',
    'diff --git a/@types/with space b/@types/with space\n--- a/@types/with space\t\n+++ b/@types/with space\t\n@@ -1 +1 @@\n-a\n+b\n',
    'diff --git "a/\\303\\244\\".txt" "b/\\303\\244\\".txt"\n--- "a/\\303\\244\\".txt"\n+++ "b/\\303\\244\\".txt"\n@@ -1 +1 @@\n--- a/z\n+b\n',
    'diff --git a/logo b/x b/logo b/x\nBinary files a/logo b/x and b/logo b/x differ\n',
  ].join('');
  expect(splitPatch(patch).map(({ path, from, what, binary }) => [path, from, what, binary])).toEqual([
    ['a.txt', null, 'changed', false],
    ['new name.txt', null, 'added', false],
    ['gone', null, 'deleted', false],
    ['new.rs', 'old.rs', 'renamed', false],
    ['p.png', null, 'added', true],
    ['empty', null, 'added', false],
    ['@types/with space', null, 'changed', false],
    ['ä".txt', null, 'changed', false],
    ['logo b/x', null, 'changed', true],
  ]);
});

test('a file shows its path, what happened to it and its counts', () => {
  render(Diff, { files: [{ path: 'notes.md', what: 'changed', diff: CHANGED }] });
  const summary = screen.getByText('notes.md').closest('summary');
  expect(summary).toHaveTextContent('changed');
  expect(summary).toHaveTextContent('1 line added, 1 removed');
  expect(screen.getByRole('group', { name: 'Changes of notes.md' })).toHaveTextContent('+new');
});

test('an empty file and one that is not text say so', () => {
  render(Diff, {
    files: [
      { path: 'empty', what: 'added', diff: 'diff --git a/empty b/empty\nnew file mode 100644\n' },
      { path: 'p.png', what: 'changed', diff: 'Binary files a/p.png and b/p.png differ\n', binary: true },
    ],
  });
  expect(screen.getByText('Empty file.')).toBeInTheDocument();
  expect(screen.getByText('Not a text file.')).toBeInTheDocument();
});

test('a link, a mode and a diff that was not kept are said in words', () => {
  render(Diff, {
    files: [
      {
        path: 'link',
        what: 'added',
        diff: 'diff --git a/link b/link\nnew file mode 120000\n--- /dev/null\n+++ b/link\n@@ -0,0 +1 @@\n+target\n',
      },
      { path: 'run.sh', what: 'changed', diff: 'diff --git a/run.sh b/run.sh\nold mode 100644\nnew mode 100755\n' },
      { path: 'huge.txt', what: 'changed', diff: '', added: 9000, removed: 1, omitted: true },
    ],
  });
  for (const text of [/^A symbolic link/, 'Now executable.', 'Too large to show here.', '9,000 lines added, 1 removed'])
    expect(screen.getByText(text)).toBeInTheDocument();
  expect(screen.queryByText('No line changes.')).toBeNull();
});

const manyLines = (count: number) => Array.from({ length: count }, (_, n) => `line ${n}\n`).join('');

test('a large file is folded, and opens a part at a time', async () => {
  const { container } = render(Diff, {
    files: [
      { path: 'big.txt', what: 'added', diff: manyLines(20_000), added: 20_000, removed: 0 },
      { path: 'notes.md', what: 'changed', diff: CHANGED },
    ],
  });
  const [big, small] = container.querySelectorAll('details');
  expect(big?.open).toBe(false);
  expect(small?.open).toBe(true);
  expect(screen.queryByText('line 0')).toBeNull();

  (big as HTMLDetailsElement).open = true;
  expect(await screen.findByText('line 499')).toBeVisible();
  expect(screen.queryByText('line 500')).toBeNull();
  await fireEvent.click(screen.getByRole('button', { name: 'Show 19,500 more lines: big.txt' }));
  expect(screen.getByText('line 2499')).toBeVisible();
  expect(screen.queryByText('line 2500')).toBeNull();
});

test('a very long line is cut until asked for', async () => {
  render(Diff, { files: [{ path: 'min.js', what: 'added', diff: 'x'.repeat(5000) }] });
  expect(screen.getByText('x'.repeat(1000))).toBeVisible();
  await fireEvent.click(screen.getByRole('button', { name: '… 4,000 more characters' }));
  expect(screen.getByText('x'.repeat(5000))).toBeVisible();
});

test('characters that hide or reorder others are written out', () => {
  render(Diff, { files: [{ path: 'a\u202etxt.exe', what: 'added', diff: 'if (x\u200b) {\r\u0000\tend\n' }] });
  expect(screen.getByText('a\\u{202e}txt.exe')).toBeVisible();
  expect(screen.getByText(/^if \(x\\u\{200b\}\) \{\\u\{d\}\\u\{0\}/)).toBeVisible();
  expect(visible('ü 日本 \t')).toBe('ü 日本 \t');
});

test('changed line endings can be seen, and unchanged ones are left out', () => {
  const texts = (diff: string) =>
    parseHunks({ diff, what: 'changed' }).flatMap(({ lines }) => lines.map(({ text }) => text));
  expect(texts('@@ -1 +1 @@\n-a\r\n+b\r\n')).toEqual(['a', 'b']);
  expect(texts('@@ -1 +1 @@\n-a\r\n+a\n')).toEqual(['a\\u{d}', 'a']);
});
