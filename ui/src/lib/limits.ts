/** The words of the usage limits. */

import type { LimitView } from '../bindings/LimitView';
import { startOfDay } from './format';

const DAY_MS = 86_400_000;

/** When something will be, on the system's clock: `14:20`, on another day `Thu 14:20`, further away `3 Dec 14:20`. */
export function formatReset(ms: number, now: number, locale?: string): string {
  const days = Math.round((startOfDay(ms) - startOfDay(now)) / DAY_MS);
  const time: Intl.DateTimeFormatOptions = { hour: 'numeric', minute: '2-digit' };
  const clock = new Date(ms).toLocaleTimeString(locale, time);
  if (days === 0) return clock;
  const day: Intl.DateTimeFormatOptions = days < 7 ? { weekday: 'short' } : { day: 'numeric', month: 'short' };
  return `${new Date(ms).toLocaleDateString(locale, day)} ${clock}`;
}

/** What is left of a limit. */
export function percentLeft({ usedPercent }: LimitView): number {
  return Math.max(0, 100 - usedPercent);
}

/** `resets 14:20`; empty if that is unknown. */
export function resetText({ resetsAt }: LimitView, now: number): string {
  return resetsAt === null ? '' : `resets ${formatReset(resetsAt * 1000, now)}`;
}

/** `At this pace until Thu 14:00`; empty if it lasts. */
export function paceText({ exhaustedAt }: LimitView, now: number): string {
  return exhaustedAt === null ? '' : `At this pace until ${formatReset(exhaustedAt * 1000, now)}`;
}
