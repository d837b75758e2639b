/** Folders that are models, `codex:NAME`. */

import type { FolderModel } from '../bindings/FolderModel';
import type { KeyRow } from '../bindings/KeyRow';
import { sandboxTitle } from './key-limits';
import { plural } from './format';
import { FULL_ACCESS } from './settings-form';

const MAX_NAME = 50;

export const modelOf = (folder: FolderModel) => `codex:${folder.name}`;

/** A name for a folder's model from its path, which no other folder has. */
export function suggestName(path: string, others: readonly FolderModel[]): string {
  const last = path.split(/[\\/]/).findLast((part) => part !== '') ?? '';
  const name =
    last
      .normalize('NFKD')
      .replace(/[^A-Za-z0-9_-]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, MAX_NAME - 3) || 'folder';
  const isTaken = (one: string) => others.some((other) => other.name.toLowerCase() === one.toLowerCase());
  let free = name;
  for (let n = 2; isTaken(free); n += 1) free = `${name}-${n}`;
  return free;
}

export function newFolder(path: string, others: readonly FolderModel[]): FolderModel {
  return {
    name: path === '' ? '' : suggestName(path, others),
    folder: path,
    sandbox: null,
    ask: null,
    keep: null,
    instructions: '',
    keys: [],
  };
}

/** What applies to a folder, in a line. Full access has its tag. `keys` are all keys. */
export function describeFolder(folder: FolderModel, sandbox: string, keys: readonly KeyRow[]): string {
  const mode = folder.sandbox ?? sandbox;
  const parts = mode === FULL_ACCESS ? [] : [sandboxTitle(mode)];
  if (folder.ask !== null) parts.push(folder.ask ? 'Asks you' : 'Never asks');
  if (folder.keep !== null) parts.push(folder.keep ? 'Keeps chats' : "Doesn't keep chats");
  if (folder.instructions !== '') parts.push('Instructions');
  if (folder.keys.length > 0) {
    const names = keys.filter((key) => folder.keys.includes(key.id)).map((key) => key.name);
    if (names.length === 0) parts.push('Seen by no key');
    else if (names.length === 1) parts.push(`Key ${names[0]}`);
    else parts.push(plural(names.length, 'key'));
  }
  return parts.join(' · ');
}
