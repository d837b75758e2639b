/** Svelte attachments. Styles are set through CSSOM because the content security policy forbids style attributes. */

import type { Attachment } from 'svelte/attachments';

export function setStyles(styles: Record<string, string>): Attachment<HTMLElement> {
  return (element) => {
    for (const [name, value] of Object.entries(styles)) element.style.setProperty(name, value);
  };
}

/** Keeps a `popover="manual"` element above dialogs: shown again whenever a value that `dependencies` reads changes. */
export function bringToTop(dependencies: () => unknown): Attachment<HTMLElement> {
  return (element) => {
    dependencies();
    element.showPopover();
    return () => {
      if (element.isConnected) element.hidePopover();
    };
  };
}

/** Opens a modal dialog. When it goes, the focus returns to where it was when this was called, before the dialog was there. */
export function modal(): Attachment<HTMLDialogElement> {
  const previousFocus = document.activeElement;
  return (dialog) => {
    dialog.showModal();
    return () => {
      dialog.close();
      if (previousFocus instanceof HTMLElement && previousFocus.isConnected) previousFocus.focus();
    };
  };
}

/** Scrolls an element to the top of the part of the page that scrolls around it, and nothing else. */
export function scrollToTop(element: HTMLElement): void {
  let scroller = element.parentElement;
  while (scroller !== null && !/auto|scroll/.test(getComputedStyle(scroller).overflowY))
    scroller = scroller.parentElement;
  if (scroller === null) return;
  scroller.scrollTop += element.getBoundingClientRect().top - scroller.getBoundingClientRect().top - 12;
}

export const autofocus: Attachment<HTMLElement> = (element) => {
  // showModal() focuses the element with `autofocus`, so focus() alone would be overridden in a dialog.
  element.autofocus = true;
  element.focus();
};

/** Arrow keys, Home and End move the focus between the elements that match `selector` (a roving tab index). */
export function arrowNavigation(selector: string, onmove: (element: HTMLElement) => void): Attachment<HTMLElement> {
  return (element) => {
    const onkeydown = (event: KeyboardEvent) => {
      const items = [...element.querySelectorAll<HTMLElement>(selector)];
      const index = items.indexOf(document.activeElement as HTMLElement);
      if (index < 0) return;
      const target = {
        ArrowDown: index + 1,
        ArrowRight: index + 1,
        ArrowUp: index - 1,
        ArrowLeft: index - 1,
        Home: 0,
        End: items.length - 1,
      }[event.key];
      const next = target === undefined ? undefined : items[(target + items.length) % items.length];
      if (next === undefined) return;
      event.preventDefault();
      next.focus();
      onmove(next);
    };
    element.addEventListener('keydown', onkeydown);
    return () => element.removeEventListener('keydown', onkeydown);
  };
}
