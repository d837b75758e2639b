/** Every keyboard shortcut, for the key handler, the tooltips, the command menu and the sheet of shortcuts. */

import type { AppStore } from './app-store.svelte';
import { VIEW_LABELS, VIEWS, type View } from './host';

export type ShortcutId =
  | `open-${View}`
  | 'find'
  | 'newKey'
  | 'commands'
  | 'preferences'
  | 'undo'
  | 'shortcuts'
  | 'escape'
  | 'closeWindow'
  | 'quit';

export interface Shortcut {
  id: ShortcutId;
  label: string;
  group: 'Go to' | 'Do' | 'Window';
  /** As in `KeyboardEvent.key`, in lower case. */
  key: string;
  /** With Ctrl, or ⌘ on macOS. */
  mod: boolean;
  /** Not while text is being typed, where the key means something else. */
  notWhileTyping?: boolean;
  /** Also while a dialog is open. */
  inDialogs?: boolean;
  /** Without one, the control at hand handles the key. */
  run?: (app: AppStore) => unknown;
}

export const SHORTCUTS: readonly Shortcut[] = [
  ...VIEWS.map((view, index): Shortcut => ({
    id: `open-${view}`,
    label: VIEW_LABELS[view],
    group: 'Go to',
    key: String(index + 1),
    mod: true,
    run: (app) => app.navigate(view),
  })),
  {
    id: 'preferences',
    label: 'Settings',
    group: 'Go to',
    key: ',',
    mod: true,
    run: (app) => app.navigate('settings'),
  },
  { id: 'commands', label: 'Command menu', group: 'Do', key: 'k', mod: true, run: (app) => (app.dialog = 'commands') },
  { id: 'find', label: 'Search this view', group: 'Do', key: 'f', mod: true, run: focusSearch },
  { id: 'newKey', label: 'New key', group: 'Do', key: 'n', mod: true, run: (app) => app.navigate('keys', 'new') },
  {
    id: 'undo',
    label: 'Undo the last change',
    group: 'Do',
    key: 'z',
    mod: true,
    notWhileTyping: true,
    run: (app) => app.toasts.runLastAction(),
  },
  {
    id: 'shortcuts',
    label: 'Keyboard shortcuts',
    group: 'Do',
    key: '?',
    mod: false,
    notWhileTyping: true,
    run: (app) => (app.dialog = 'shortcuts'),
  },
  { id: 'escape', label: 'Close a dialog or menu', group: 'Window', key: 'escape', mod: false },
  {
    id: 'closeWindow',
    label: 'Close the window',
    group: 'Window',
    key: 'w',
    mod: true,
    inDialogs: true,
    run: (app) => app.attempt(() => app.host.closeWindow()),
  },
  {
    id: 'quit',
    label: 'Quit Codex Proxy',
    group: 'Window',
    key: 'q',
    mod: true,
    inDialogs: true,
    run: (app) => app.attempt(() => app.host.quit()),
  },
];

const ON_MAC = /Mac/.test(navigator.platform);
const TEXT_FIELDS =
  'input:not([type=checkbox], [type=radio], [type=button], [type=submit]), textarea, select, [contenteditable]';

export function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.matches(TEXT_FIELDS);
}

export function shortcut(id: ShortcutId): Shortcut {
  const found = SHORTCUTS.find((one) => one.id === id);
  if (found === undefined) throw new Error(`no shortcut ${id}`);
  return found;
}

/** The keys as shown: `Ctrl+N`, or `⌘N` on macOS. */
export function keysOf(id: ShortcutId): string {
  const { key, mod } = shortcut(id);
  const name = key === 'escape' ? 'Esc' : key.toUpperCase();
  if (!mod) return name;
  return ON_MAC ? `⌘${name}` : `Ctrl+${name}`;
}

/** The tooltip of a control that does the same as a shortcut. */
export function shortcutHint(id: ShortcutId): { title: string; 'aria-keyshortcuts': string } {
  const { key, mod } = shortcut(id);
  return {
    title: keysOf(id),
    'aria-keyshortcuts': `${mod ? (ON_MAC ? 'Meta+' : 'Control+') : ''}${key.toUpperCase()}`,
  };
}

/** The key without its layout where the layout has no such character, as Russian has no K and French shifts its digits. */
function keyName({ key, code }: KeyboardEvent): string {
  const onLayout = /^(?:Key([A-Z])|Digit(\d))$/.exec(code);
  const isLatin = key.length > 1 || key.charCodeAt(0) < 128;
  if (onLayout?.[2] !== undefined || (onLayout && !isLatin)) return (onLayout[1] ?? onLayout[2] ?? '').toLowerCase();
  return key.toLowerCase();
}

/** Whether only Ctrl, or only ⌘ on macOS, is held. */
export function hasModifier(event: KeyboardEvent): boolean {
  const [mod, other] = ON_MAC ? [event.metaKey, event.ctrlKey] : [event.ctrlKey, event.metaKey];
  return mod && !other && !event.altKey;
}

/** The shortcut that a key press means now. */
export function shortcutFor(event: KeyboardEvent): Shortcut | undefined {
  const mod = hasModifier(event);
  if (!mod && (event.ctrlKey || event.metaKey || event.altKey)) return undefined;
  // `?` is shifted on most layouts.
  if (mod && event.shiftKey) return undefined;
  const key = mod ? keyName(event) : event.key;
  const inDialog = document.querySelector('dialog[open]') !== null;
  return SHORTCUTS.find(
    (one) =>
      one.key === key &&
      one.mod === mod &&
      !(one.notWhileTyping && isTyping(event.target)) &&
      !(inDialog && !one.inDialogs),
  );
}

function focusSearch(): void {
  const field = document.querySelector<HTMLInputElement>('main input[type=search]');
  field?.focus();
  field?.select();
}
