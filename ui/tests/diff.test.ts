import { render, screen } from '@testing-library/svelte';
import { expect, test } from 'vitest';
import Diff from '../src/controls/Diff.svelte';
import { countLines, parseHunks, splitPatch } from '../src/lib/diff';

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
  ].join('');
  expect(splitPatch(patch).map(({ path, from, what, binary }) => [path, from, what, binary])).toEqual([
    ['a.txt', null, 'changed', false],
    ['new name.txt', null, 'added', false],
    ['gone', null, 'deleted', false],
    ['new.rs', 'old.rs', 'renamed', false],
    ['p.png', null, 'added', true],
    ['empty', null, 'added', false],
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
