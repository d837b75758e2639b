/** Ordering, filtering and timing of the request log's rows. */

import type { ExchangeQuery } from '../bindings/ExchangeQuery';
import type { ExchangeRow } from '../bindings/ExchangeRow';
import type { ExchangeState } from '../bindings/ExchangeState';

export interface Filters {
  text: string;
  state: ExchangeState | null;
  key: string | null;
  model: string | null;
}

export const NO_FILTERS: Readonly<Filters> = { text: '', state: null, key: null, model: null };

/** Shorter waits do not bring up the Wait column. */
const MIN_SHOWN_WAIT_MS = 10;
/** A request younger than this may just not have been admitted yet. */
const MIN_PENDING_WAIT_MS = 400;
/** How long after its arrival a request's wait keeps the column visible. */
const RECENT_MS = 60_000;

export function isRunning(row: ExchangeRow): boolean {
  return row.state === 'waiting' || row.state === 'streaming';
}

export function isFiltered(filters: Filters): boolean {
  return filters.text.trim() !== '' || filters.state !== null || filters.key !== null || filters.model !== null;
}

export function matches(row: ExchangeRow, filters: Filters): boolean {
  if (filters.state !== null && row.state !== filters.state) return false;
  if (filters.key !== null && row.key !== filters.key) return false;
  if (filters.model !== null && row.model !== filters.model) return false;
  const text = filters.text.trim().toLowerCase();
  if (text === '') return true;
  return [row.key, row.client, row.model, row.route, row.error ?? ''].some((field) =>
    field.toLowerCase().includes(text),
  );
}

export function toQuery(filters: Filters, limit: number, before: string | null): ExchangeQuery {
  const text = filters.text.trim();
  return {
    before,
    limit,
    text: text === '' ? null : text,
    state: filters.state,
    key: filters.key,
    model: filters.model,
  };
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

/** Whether a request is queued, or was within the last minute. Older waits show only in the request's detail. */
export function hasRecentWait(rows: readonly ExchangeRow[], now: number): boolean {
  const threshold = (row: ExchangeRow) => (row.waitMs === null ? MIN_PENDING_WAIT_MS : MIN_SHOWN_WAIT_MS);
  return rows.some((row) => (isRunning(row) || now - row.at < RECENT_MS) && waitTime(row, now) >= threshold(row));
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

/** The lower median, or `null` for an empty list. */
export function median(numbers: readonly number[]): number | null {
  if (numbers.length === 0) return null;
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}
