/** Charts and numbers of the fake host's requests. */

import type { Chart } from '../../bindings/Chart';
import type { ChartGroup } from '../../bindings/ChartGroup';
import type { ChartRange } from '../../bindings/ChartRange';
import type { ChartStack } from '../../bindings/ChartStack';
import type { ExchangeRow } from '../../bindings/ExchangeRow';
import type { Today } from '../../bindings/Today';
import { startOfDay } from '../format';

const HOUR = 3600;
const BARS: Record<ChartRange, [seconds: number, count: number]> = {
  hour: [120, 30],
  day: [HOUR, 24],
  week: [6 * HOUR, 28],
  month: [24 * HOUR, 30],
};

function median(rows: readonly ExchangeRow[], value: (row: ExchangeRow) => number | null): number | null {
  const values = rows.flatMap((row) => value(row) ?? []).sort((a, b) => a - b);
  return values[Math.floor((values.length - 1) / 2)] ?? null;
}

const sum = (rows: readonly ExchangeRow[], value: (row: ExchangeRow) => number | null) =>
  rows.reduce((total, row) => total + (value(row) ?? 0), 0);

function fitting(ended: readonly ExchangeRow[], now: number): ChartRange {
  const age = (now - Math.min(...ended.map((row) => row.at))) / 1000;
  if (ended.length === 0) return 'day';
  return age < HOUR ? 'hour' : age < 23 * HOUR ? 'day' : 'week';
}

export function chartOf(
  rows: readonly ExchangeRow[],
  asked: ChartRange | null,
  stack: ChartStack | null,
  now: number,
): Chart {
  const ended = rows.filter((row) => row.totalMs !== null);
  const range = asked ?? fitting(ended, now);
  const [seconds, count] = BARS[range];
  const midnight = startOfDay(now) / 1000;
  const last = midnight + Math.floor((now / 1000 - midnight) / seconds) * seconds;
  const bars = Array.from({ length: count }, (_, index) => {
    const from = last - (count - 1 - index) * seconds;
    const inside = ended.filter((row) => row.at / 1000 >= from && row.at / 1000 < from + seconds);
    const groups = new Map<string, ChartGroup>();
    for (const row of stack === null ? [] : inside) {
      const name = row[stack ?? 'model'];
      const group = groups.get(name) ?? { name, requests: 0, tokens: 0 };
      const tokens = (row.input ?? 0) + (row.output ?? 0);
      groups.set(name, { name, requests: group.requests + 1, tokens: group.tokens + tokens });
    }
    return {
      from,
      requests: inside.length,
      failed: inside.filter((row) => row.state === 'failed').length,
      input: sum(inside, (row) => row.input),
      output: sum(inside, (row) => row.output),
      firstMs: median(inside, (row) => row.firstMs),
      groups: [...groups.values()],
    };
  });
  return { range, barSeconds: seconds, bars };
}

export function todayOf(rows: readonly ExchangeRow[], now: number): Today {
  const today = rows.filter((row) => row.at >= startOfDay(now));
  return {
    requests: today.length,
    failed: today.filter((row) => row.state === 'failed').length,
    input: sum(today, (row) => row.input),
    output: sum(today, (row) => row.output),
    firstMs: median(today, (row) => row.firstMs),
    ownMs: median(today, (row) => row.ownMs),
  };
}
