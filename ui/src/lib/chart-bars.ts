/** The charts' bars: every hour and every day has one, also where nothing happened; pure. */

import type { ChartBar } from '../bindings/ChartBar';
import type { ChartBy } from '../bindings/ChartBy';
import { minute, plural, short, startOfDay } from './format';

const HOURS = 24;
const DAYS = 30;
const HOUR_S = 3600;

/** When each bar's time begins, in Unix seconds; the last one holds `now`. */
function beginnings(by: ChartBy, now: number): number[] {
  if (by === 'hour') {
    const at = new Date(now);
    at.setMinutes(0, 0, 0);
    return Array.from({ length: HOURS }, (_, index) => at.getTime() / 1000 - (HOURS - 1 - index) * HOUR_S);
  }
  return Array.from({ length: DAYS }, (_, index) => {
    const at = new Date(startOfDay(now));
    at.setDate(at.getDate() - (DAYS - 1 - index));
    return at.getTime() / 1000;
  });
}

export function fill(bars: readonly ChartBar[], by: ChartBy, now: number): ChartBar[] {
  const from = beginnings(by, now);
  return from.map((begin, index) => {
    const end = from[index + 1] ?? Infinity;
    return (
      bars.find((bar) => bar.from >= begin && bar.from < end) ?? {
        from: begin,
        requests: 0,
        failed: 0,
        input: 0,
        output: 0,
        firstMs: null,
      }
    );
  });
}

export function label(from: number, by: ChartBy): string {
  return by === 'hour'
    ? minute(from * 1000)
    : new Date(from * 1000).toLocaleDateString('en-GB', { day: 'numeric', month: 'short' });
}

/** All bars in a sentence, for those who hear them. */
export function summary(bars: readonly ChartBar[], by: ChartBy): string {
  const sum = (of: (bar: ChartBar) => number) => bars.reduce((all, bar) => all + of(bar), 0);
  const when = by === 'hour' ? 'the last 24 hours' : 'the last 30 days';
  return `In ${when}: ${plural(
    sum((bar) => bar.requests),
    'request',
  )}, ${sum((bar) => bar.failed)} failed, ${short(sum((bar) => bar.input))} tokens read and ${short(sum((bar) => bar.output))} written.`;
}
