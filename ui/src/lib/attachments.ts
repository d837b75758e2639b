/** Small things that are done to elements. Styles go through CSSOM, since the window's policy allows no style attribute. */

import type { Attachment } from 'svelte/attachments';

/** Sets custom properties, or any property, on an element. */
export function properties(values: Record<string, string>): Attachment<HTMLElement> {
  return (element) => {
    for (const [name, value] of Object.entries(values)) element.style.setProperty(name, value);
  };
}

/** Moves the focus here as soon as the element is there. */
export const focused: Attachment<HTMLElement> = (element) => {
  // A dialog that is about to open gives the focus to what asks for it so.
  element.autofocus = true;
  element.focus();
};

/** Arrow keys, Home and End move between the elements that match, as in a list of tabs. */
export function arrows(selector: string, moved: (element: HTMLElement) => void): Attachment<HTMLElement> {
  return (element) => {
    const onkeydown = (event: KeyboardEvent) => {
      const all = [...element.querySelectorAll<HTMLElement>(selector)];
      const at = all.indexOf(document.activeElement as HTMLElement);
      if (at < 0) return;
      const to = {
        ArrowDown: at + 1,
        ArrowRight: at + 1,
        ArrowUp: at - 1,
        ArrowLeft: at - 1,
        Home: 0,
        End: all.length - 1,
      }[event.key];
      const next = to === undefined ? undefined : all[(to + all.length) % all.length];
      if (next === undefined) return;
      event.preventDefault();
      next.focus();
      moved(next);
    };
    element.addEventListener('keydown', onkeydown);
    return () => element.removeEventListener('keydown', onkeydown);
  };
}
