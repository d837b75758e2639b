/** Chart data: one bar for every hour or day, empty ones included. */

import type { ChartBar } from '../bindings/ChartBar';
import type { ChartBy } from '../bindings/ChartBy';
import { formatCompact, formatHourMinute, plural, startOfDay } from './format';

const HOURS = 24;
const DAYS = 30;
const HOUR_S = 3600;

/** The start of each bar in Unix seconds; `now` falls into the last one. */
function barStarts(by: ChartBy, now: number): number[] {
  if (by === 'hour') {
    const hour = new Date(now);
    hour.setMinutes(0, 0, 0);
    return Array.from({ length: HOURS }, (_, index) => hour.getTime() / 1000 - (HOURS - 1 - index) * HOUR_S);
  }
  return Array.from({ length: DAYS }, (_, index) => {
    const date = new Date(startOfDay(now));
    date.setDate(date.getDate() - (DAYS - 1 - index));
    return date.getTime() / 1000;
  });
}

export function fillGaps(bars: readonly ChartBar[], by: ChartBy, now: number): ChartBar[] {
  const starts = barStarts(by, now);
  return starts.map((start, index) => {
    const end = starts[index + 1] ?? Infinity;
    return (
      bars.find((bar) => bar.from >= start && bar.from < end) ?? {
        from: start,
        requests: 0,
        failed: 0,
        input: 0,
        output: 0,
        firstMs: null,
      }
    );
  });
}

export function barLabel(from: number, by: ChartBy): string {
  return by === 'hour'
    ? formatHourMinute(from * 1000)
    : new Date(from * 1000).toLocaleDateString('en-GB', { day: 'numeric', month: 'short' });
}

/** All bars in one sentence, for screen readers. */
export function chartSummary(bars: readonly ChartBar[], by: ChartBy): string {
  const sum = (value: (bar: ChartBar) => number) => bars.reduce((total, bar) => total + value(bar), 0);
  const period = by === 'hour' ? 'the last 24 hours' : 'the last 30 days';
  const requests = plural(
    sum((bar) => bar.requests),
    'request',
  );
  const failed = sum((bar) => bar.failed);
  const input = formatCompact(sum((bar) => bar.input));
  const output = formatCompact(sum((bar) => bar.output));
  return `In ${period}: ${requests}, ${failed} failed, ${input} input tokens and ${output} output tokens.`;
}
