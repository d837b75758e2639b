import '@testing-library/jest-dom/vitest';

import { configure } from '@testing-library/svelte';

/** What jsdom lacks of a browser: modal dialogs, and sizes. */

HTMLDialogElement.prototype.showModal = function (this: HTMLDialogElement) {
  this.open = true;
  // As a browser does it: what asks for the focus has it already, else the first that can have it.
  if (!this.contains(document.activeElement)) this.querySelector<HTMLElement>('input, button')?.focus();
};
HTMLDialogElement.prototype.close = function (this: HTMLDialogElement) {
  this.open = false;
};
Element.prototype.scrollTo = function () {};

// The machine may be busy with other things; and to find out for each element whether it is hidden takes jsdom most of its time.
configure({ asyncUtilTimeout: 5000, defaultHidden: true });
