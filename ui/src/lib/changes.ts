/** What an answer changed, for display. */

import type { Changes } from '../bindings/Changes';
import { splitPatch, type FileDiff } from './diff';

/** The changed files with their parts of the patch. */
export function changedFiles({ files, diff }: Pick<Changes, 'files' | 'diff'>): FileDiff[] {
  const parts = new Map(splitPatch(diff).map((part) => [part.path, part.diff]));
  return files.map(({ path, what, from, added, removed, binary }) => ({
    path,
    what,
    from,
    added,
    removed,
    binary,
    diff: parts.get(path) ?? '',
    omitted: !binary && !parts.has(path),
  }));
}
