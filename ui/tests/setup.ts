import '@testing-library/jest-dom/vitest';

import { configure } from '@testing-library/svelte';
import { setLocale } from '../src/lib/format';

setLocale('en-GB');

/** Stubs for what jsdom lacks: modal dialogs, popovers and scrolling. */

HTMLDialogElement.prototype.showModal = function (this: HTMLDialogElement) {
  this.open = true;
  // Like a browser: keeps the focus if it is already inside, else focuses the first focusable element.
  if (!this.contains(document.activeElement)) this.querySelector<HTMLElement>('input, button')?.focus();
};
HTMLDialogElement.prototype.close = function (this: HTMLDialogElement) {
  this.open = false;
};
// Its style sheet hides every popover.
HTMLElement.prototype.showPopover = function (this: HTMLElement) {
  this.style.display = 'block';
};
HTMLElement.prototype.hidePopover = function (this: HTMLElement) {
  this.style.display = '';
};
Element.prototype.scrollTo = function () {};
Element.prototype.scrollIntoView = function () {};

// A long timeout for busy machines. Hidden elements are included because checking visibility takes jsdom most of its time.
configure({ asyncUtilTimeout: 5000, defaultHidden: true });
