/** Makes the web view behave like a window: without the menus, keys and drags of a browser. */

import { on } from 'svelte/events';
import { hasModifier, isTyping } from './shortcuts';

/** Texts that one selects to copy. */
const SELECTABLE = '.selectable, .error-text, code, pre';

/** Keys of the browser: find again, reload, caret browsing; with Ctrl or ⌘: reload, print, save, source, downloads, find again. */
const BROWSER_KEYS = ['F3', 'F5', 'F7'];
const BROWSER_LETTERS = ['r', 'p', 's', 'u', 'j', 'g', 'd'];

function selectable(node: EventTarget | null): Element | null {
  const element = node instanceof Element ? node : node instanceof Node ? node.parentElement : null;
  return element?.closest(SELECTABLE) ?? null;
}

/** Ctrl+A selects the text around the selection or the focus, and nothing else of the window. */
function selectAll(event: KeyboardEvent): void {
  if (isTyping(event.target)) return;
  event.preventDefault();
  const selection = getSelection();
  const text = selectable(selection?.anchorNode ?? null) ?? selectable(event.target);
  if (text) selection?.selectAllChildren(text);
}

function onkeydown(event: KeyboardEvent): void {
  const key = event.key.toLowerCase();
  if (BROWSER_KEYS.includes(event.key)) event.preventDefault();
  else if (!hasModifier(event)) return;
  else if (BROWSER_LETTERS.includes(key)) event.preventDefault();
  else if (key === 'a') selectAll(event);
}

/** The system's own menu appears where it can do something: in fields, and on texts, which it then copies as a whole. */
function oncontextmenu(event: MouseEvent): void {
  if (isTyping(event.target)) return;
  const text = selectable(event.target);
  if (text === null) return event.preventDefault();
  const selection = getSelection();
  if (selection?.isCollapsed ?? true) selection?.selectAllChildren(text);
}

/** Selected text can be dragged, but not links and pictures. */
function ondragstart(event: DragEvent): void {
  if (event.target instanceof Element && !isTyping(event.target)) event.preventDefault();
}

/** Returns a function that gives everything back. */
export function behaveNatively(): () => void {
  // Before any control handles the key.
  const stops = [
    on(window, 'keydown', onkeydown, { capture: true }),
    on(window, 'contextmenu', oncontextmenu),
    on(window, 'dragstart', ondragstart),
  ];
  return () => stops.forEach((stop) => stop());
}
