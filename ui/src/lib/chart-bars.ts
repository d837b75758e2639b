/** What the charts show: labels, the axis and stacked series. */

import type { Chart } from '../bindings/Chart';
import type { ChartBar } from '../bindings/ChartBar';
import type { ChartRange } from '../bindings/ChartRange';
import { formatCompact, formatDate, formatHourMinute, plural } from './format';

/** Names beyond these are one series. */
const MAX_SERIES = 4;
export const OTHERS = 'Other';

/** A bar's label on the axis. */
export function tickLabel(from: number, { range, barSeconds }: Chart): string {
  return range === 'hour' || range === 'day' ? formatHourMinute(from * 1000) : dayOf(from, barSeconds);
}

/** The day of a bar's middle: after a change to summer time, earlier days begin at eleven in the evening. */
const dayOf = (from: number, barSeconds: number) => formatDate((from + barSeconds / 2) * 1000);

/** A bar's label in its card: from when to when. */
export function barLabel(from: number, { range, barSeconds }: Chart): string {
  if (range === 'month') return dayOf(from, barSeconds);
  const time = `${formatHourMinute(from * 1000)}–${formatHourMinute((from + barSeconds) * 1000)}`;
  return range === 'week' ? `${dayOf(from, barSeconds)}, ${time}` : time;
}

export function periodName(range: ChartRange): string {
  switch (range) {
    case 'hour':
      return 'the last hour';
    case 'day':
      return 'the last 24 hours';
    case 'week':
      return 'the last 7 days';
    case 'month':
      return 'the last 30 days';
  }
}

/** The round numbers up to which an axis goes, at most four, from the lowest: 5, 10 for a peak of 8. */
export function axisTicks(peak: number, whole: boolean): number[] {
  if (peak <= 0) return [];
  const magnitude = 10 ** Math.floor(Math.log10(peak / 2));
  const step = [1, 2, 5, 10].map((factor) => factor * magnitude).find((one) => peak / one <= 3) ?? 10 * magnitude;
  const rounded = whole ? Math.max(1, Math.round(step)) : step;
  return Array.from({ length: Math.ceil(peak / rounded) }, (_, index) => rounded * (index + 1));
}

export interface Series {
  name: string;
  values: (number | null)[];
}

/** One series for each of the most used names, and one for the others. */
export function groupSeries(bars: readonly ChartBar[], value: 'requests' | 'tokens'): Series[] {
  const totals = new Map<string, number>();
  for (const group of bars.flatMap((bar) => bar.groups))
    totals.set(group.name, (totals.get(group.name) ?? 0) + group.requests);
  const names = [...totals.keys()].sort((a, b) => (totals.get(b) ?? 0) - (totals.get(a) ?? 0));
  const own = names.length > MAX_SERIES + 1 ? names.slice(0, MAX_SERIES) : names;
  const series = own.map((name) => ({
    name: name === '' ? 'Unknown' : name,
    values: bars.map((bar) => bar.groups.find((group) => group.name === name)?.[value] ?? 0),
  }));
  if (own.length === names.length) return series;
  const others = (bar: ChartBar) =>
    bar.groups.reduce((sum, group) => sum + (own.includes(group.name) ? 0 : group[value]), 0);
  return [...series, { name: OTHERS, values: bars.map(others) }];
}

/** All bars in one sentence, for screen readers. */
export function chartSummary({ bars, range }: Chart): string {
  const sum = (value: (bar: ChartBar) => number) => bars.reduce((total, bar) => total + value(bar), 0);
  const requests = plural(
    sum((bar) => bar.requests),
    'request',
  );
  const failed = sum((bar) => bar.failed);
  const input = formatCompact(sum((bar) => bar.input));
  const output = formatCompact(sum((bar) => bar.output));
  return `In ${periodName(range)}: ${requests}, ${failed} failed, ${input} input tokens and ${output} output tokens.`;
}
