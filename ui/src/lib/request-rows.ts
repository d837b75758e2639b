/** The order and the choice of the request log's rows; pure. */

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

/** A wait that is shorter is no news, and gets no column. */
const WAIT_WORTH_SAYING_MS = 10;
/** A row that has just arrived may only not have been given its place yet. */
const STILL_WAITING_MS = 400;
/** For how long after its arrival a request's wait keeps the column. */
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

export function queryOf(filters: Filters, limit: number, before: string | null): ExchangeQuery {
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

/** Running ones on top, then newest first. */
function compare(a: ExchangeRow, b: ExchangeRow): number {
  const running = Number(isRunning(b)) - Number(isRunning(a));
  if (running !== 0) return running;
  return a.id < b.id ? 1 : a.id > b.id ? -1 : 0;
}

/** Puts changed rows in, each in the place of the one of its id, and keeps the newest of them. */
export function merge(
  rows: readonly ExchangeRow[],
  changed: readonly ExchangeRow[],
  filters: Filters,
  keep: number,
): ExchangeRow[] {
  const fresh = new Map(changed.map((row) => [row.id, row]));
  const kept = rows.filter((row) => !fresh.has(row.id));
  kept.push(...[...fresh.values()].filter((row) => matches(row, filters)));
  return kept.sort(compare).slice(0, keep);
}

/** The oldest row that there is, from where older ones are asked for. */
export function oldest(rows: readonly ExchangeRow[]): string | null {
  return rows.reduce<string | null>((least, row) => (least === null || row.id < least ? row.id : least), null);
}

/** How long a request has waited for its place, or waits still. */
export function waited(row: ExchangeRow, now: number): number {
  return row.waitMs ?? (row.state === 'waiting' ? Math.max(0, now - row.at) : 0);
}

/** Whether somebody waits, or did a moment ago. What waited last week is told in its detail. */
export function someoneWaits(rows: readonly ExchangeRow[], now: number): boolean {
  const least = (row: ExchangeRow) => (row.waitMs === null ? STILL_WAITING_MS : WAIT_WORTH_SAYING_MS);
  return rows.some((row) => (isRunning(row) || now - row.at < RECENT_MS) && waited(row, now) >= least(row));
}

/** What a request's time went into, in order. The proxy's own share stands apart from codex's. */
export interface Share {
  kind: 'wait' | 'own' | 'codex' | 'answer';
  name: string;
  ms: number;
}

export function shares(row: ExchangeRow, now: number): Share[] {
  const total = row.totalMs ?? (isRunning(row) ? Math.max(0, now - row.at) : null);
  if (total === null) return [];
  const wait = row.waitMs ?? 0;
  const own = row.ownMs ?? 0;
  const first = Math.min(row.firstMs ?? total, total);
  const parts: Share[] = [
    { kind: 'wait', name: 'Waited for a place', ms: wait },
    { kind: 'own', name: 'Codex Proxy', ms: own },
    {
      kind: 'codex',
      name: row.firstMs === null ? 'Codex' : 'Codex, to the first token',
      ms: Math.max(0, first - wait - own),
    },
    { kind: 'answer', name: 'The answer', ms: Math.max(0, total - first) },
  ];
  return parts.filter((part) => part.ms > 0 || part.kind === 'own');
}

/** The middle of some numbers; `null` of none. */
export function median(numbers: readonly number[]): number | null {
  if (numbers.length === 0) return null;
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}
