/** Keeps a new card from being answered by a click or a key that was meant for something else. */

import { onMount } from 'svelte';

/** How long a card is inert. */
export const INERT_MS = 500;

/**
 * Inert from when the component is there, and again when the window gets the focus. A key or a click meanwhile starts the time
 * again, so that text which is being typed answers nothing.
 */
export function inertAtFirst(): { readonly now: boolean } {
  let inert = $state(true);
  onMount(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const restart = () => {
      inert = true;
      clearTimeout(timer);
      timer = setTimeout(() => (inert = false), INERT_MS);
    };
    const prolong = () => inert && restart();
    restart();
    window.addEventListener('focus', restart);
    const used = ['keydown', 'pointerdown'] as const;
    used.forEach((event) => window.addEventListener(event, prolong, { capture: true }));
    return () => {
      clearTimeout(timer);
      window.removeEventListener('focus', restart);
      used.forEach((event) => window.removeEventListener(event, prolong, { capture: true }));
    };
  });
  return {
    get now() {
      return inert;
    },
  };
}
