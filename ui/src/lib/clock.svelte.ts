/** Clocks for what counts up on the screen. Each ticks only while somebody looks at it. */

import { createSubscriber } from 'svelte/reactivity';

function ticking(every: number): () => number {
  const subscribe = createSubscriber((update) => {
    const timer = setInterval(() => document.visibilityState !== 'hidden' && update(), every);
    return () => clearInterval(timer);
  });
  return () => {
    subscribe();
    return Date.now();
  };
}

/** For running requests. */
export const quickNow = ticking(200);
/** For `3 min ago`. */
export const slowNow = ticking(30_000);
