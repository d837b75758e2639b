/** Reactive clocks. Each ticks only while something reads it and the window is visible. */

import { createSubscriber } from 'svelte/reactivity';

function tickingClock(intervalMs: number): () => number {
  const subscribe = createSubscriber((update) => {
    const timer = setInterval(() => document.visibilityState !== 'hidden' && update(), intervalMs);
    return () => clearInterval(timer);
  });
  return () => {
    subscribe();
    return Date.now();
  };
}

/** For durations of running requests. */
export const fastNow = tickingClock(200);
/** For relative times such as `3 min ago`. */
export const slowNow = tickingClock(30_000);
