/** Ordering, filtering and timing of the request log's rows. */

import type { ExchangeQuery } from '../bindings/ExchangeQuery';
import type { ExchangeRow } from '../bindings/ExchangeRow';
import type { Show } from '../bindings/Show';
import { startOfDay } from './format';

export type Period = 'all' | 'hour' | 'today' | 'week' | 'custom';

export interface Filters {
  text: string;
  show: Show | null;
  key: string | null;
  model: string | null;
  app: string | null;
  period: Period;
  /** Unix milliseconds; for the period `custom`. */
  since: number | null;
  until: number | null;
}

export const NO_FILTERS: Readonly<Filters> = {
  text: '',
  show: null,
  key: null,
  model: null,
  app: null,
  period: 'all',
  since: null,
  until: null,
};

const HOUR_MS = 3_600_000;
const WEEK_DAYS = 7;

export function isRunning(row: ExchangeRow): boolean {
  return row.state === 'waiting' || row.state === 'streaming';
}

export function isFiltered(filters: Filters): boolean {
  const { text, show, key, model, app, period } = filters;
  return text.trim() !== '' || period !== 'all' || [show, key, model, app].some((filter) => filter !== null);
}

/** The beginning and end of the chosen period. */
function timeRange({ period, since, until }: Filters, now: number): { since: number | null; until: number | null } {
  switch (period) {
    case 'all':
      return { since: null, until: null };
    case 'hour':
      return { since: now - HOUR_MS, until: null };
    case 'today':
      return { since: startOfDay(now), until: null };
    case 'week': {
      const date = new Date(startOfDay(now));
      date.setDate(date.getDate() - (WEEK_DAYS - 1));
      return { since: date.getTime(), until: null };
    }
    case 'custom':
      return { since, until };
  }
}

function isShown(row: ExchangeRow, show: Show): boolean {
  switch (show) {
    case 'running':
      return isRunning(row);
    case 'failed':
      return row.state === 'failed';
    case 'stopped':
      return row.state === 'stopped' || row.state === 'cancelled';
    case 'background':
      return row.background;
  }
}

export function matches(row: ExchangeRow, filters: Filters, now = Date.now()): boolean {
  if (filters.show !== null && !isShown(row, filters.show)) return false;
  if (filters.key !== null && row.key !== filters.key) return false;
  if (filters.model !== null && row.model !== filters.model) return false;
  if (filters.app !== null && row.app !== filters.app) return false;
  const { since, until } = timeRange(filters, now);
  if ((since !== null && row.at < since) || (until !== null && row.at >= until)) return false;
  const text = filters.text.trim().toLowerCase();
  if (text === '') return true;
  return [row.key, row.app, row.client, row.model, row.route, row.requestId, row.error ?? ''].some((field) =>
    field.toLowerCase().includes(text),
  );
}

export function toQuery(filters: Filters, limit: number | null, before: string | null): ExchangeQuery {
  const text = filters.text.trim();
  const { show, key, model, app } = filters;
  return { before, limit, text: text === '' ? null : text, show, key, model, app, ...timeRange(filters, Date.now()) };
}

/** Running requests first, then newest first. */
function compare(a: ExchangeRow, b: ExchangeRow): number {
  const running = Number(isRunning(b)) - Number(isRunning(a));
  if (running !== 0) return running;
  return a.id < b.id ? 1 : a.id > b.id ? -1 : 0;
}

/** Inserts or replaces rows by id, drops those that no longer match, and returns the first `limit`. */
export function merge(
  rows: readonly ExchangeRow[],
  updates: readonly ExchangeRow[],
  filters: Filters,
  limit: number,
): ExchangeRow[] {
  const updatesById = new Map(updates.map((row) => [row.id, row]));
  const merged = rows.filter((row) => !updatesById.has(row.id));
  merged.push(...[...updatesById.values()].filter((row) => matches(row, filters)));
  return merged.sort(compare).slice(0, limit);
}

/** The cursor for the next page. Not simply the last row's id: running requests are sorted to the top. */
export function oldestId(rows: readonly ExchangeRow[]): string | null {
  return rows.reduce<string | null>((oldest, row) => (oldest === null || row.id < oldest ? row.id : oldest), null);
}

/** How long a request waited in the queue, or has been waiting so far. */
export function waitTime(row: ExchangeRow, now: number): number {
  return row.waitMs ?? (row.state === 'waiting' ? Math.max(0, now - row.at) : 0);
}

/** A part of a request's time. The proxy's overhead is separate from Codex's time. */
export interface Phase {
  kind: 'queue' | 'proxy' | 'codex' | 'answer';
  label: string;
  ms: number;
}

/** What a request's time was spent on, in order. */
export function timeBreakdown(row: ExchangeRow, now: number): Phase[] {
  const total = row.totalMs ?? (isRunning(row) ? Math.max(0, now - row.at) : null);
  if (total === null) return [];
  const queue = row.waitMs ?? 0;
  const proxy = row.ownMs ?? 0;
  const first = Math.min(row.firstMs ?? total, total);
  const phases: Phase[] = [
    { kind: 'queue', label: 'Queued', ms: queue },
    { kind: 'proxy', label: 'Proxy', ms: proxy },
    {
      kind: 'codex',
      label: row.firstMs === null ? 'Codex' : 'Codex until first token',
      ms: Math.max(0, first - queue - proxy),
    },
    { kind: 'answer', label: 'Answer', ms: Math.max(0, total - first) },
  ];
  return phases.filter((phase) => phase.ms > 0 || phase.kind === 'proxy');
}
