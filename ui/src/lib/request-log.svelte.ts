/**
 * The request log in the window: the loaded pages of history plus live updates.
 *
 * Updates are batched, so that a hundred tokens per second cause a few redraws instead of a hundred.
 */

import type { ExchangeCounts } from '../bindings/ExchangeCounts';
import type { ExchangeRow } from '../bindings/ExchangeRow';
import type { AppStore } from './app-store.svelte';
import type { Stop } from './host';
import { isFiltered, matches, merge, NO_FILTERS, oldestId, toQuery, type Filters } from './request-rows';

/** Rows per request to the app. */
const PAGE_SIZE = 500;
/** Rows held by the window. Older ones are dropped here and stay in the database. */
export const MAX_ROWS = 10_000;
/** How long updates are batched before a redraw. */
const FLUSH_INTERVAL_MS = 80;
/** How often the requests are counted again while they come and go. */
const COUNT_INTERVAL_MS = 1000;
/** Pause in typing before the database is queried. */
const DEBOUNCE_MS = 180;

export class RequestLog {
  /** `null` until the first page is loaded. */
  rows = $state.raw<ExchangeRow[] | null>(null);
  filters = $state.raw<Filters>(NO_FILTERS);
  paused = $state(false);
  /** Requests that arrived while paused. */
  newWhilePaused = $state(0);
  /** Options of the key filter. */
  keyNames = $state.raw<string[]>([]);
  /** Options of the model filter. */
  modelNames = $state.raw<string[]>([]);
  /** Options of the app filter. */
  appNames = $state.raw<string[]>([]);
  /** More history exists below the last row. */
  hasMore = $state(false);
  /** A query for the current filters runs. */
  loading = $state(false);
  /** How many requests match the filters; `null` until counted. */
  counts = $state.raw<ExchangeCounts | null>(null);
  selectedId = $state<string | null>(null);
  /** The details of the selected request are shown. */
  detailOpen = $state(false);

  #pending = new Map<string, ExchangeRow>();
  #pausedAt = 0;
  #flushTimer: ReturnType<typeof setTimeout> | undefined;
  #filterTimer: ReturnType<typeof setTimeout> | undefined;
  #countTimer: ReturnType<typeof setTimeout> | undefined;
  /** Incremented per query, so that a late answer to an older one is dropped. */
  #queryNumber = 0;
  #loadingMore = false;

  constructor(readonly app: AppStore) {}

  async start(): Promise<Stop> {
    const stops = await Promise.all([
      this.app.host.listen('exchange', (row) => this.#onExchange(row)),
      this.app.host.listen('exchanges_cleared', () => this.#onCleared()),
    ]);
    await this.load();
    return () => {
      stops.forEach((stop) => stop());
      clearTimeout(this.#flushTimer);
      clearTimeout(this.#filterTimer);
      clearTimeout(this.#countTimer);
    };
  }

  async load(): Promise<void> {
    const query = ++this.#queryNumber;
    const filters = this.filters;
    this.loading = true;
    void this.#count();
    await this.app.attempt(async () => {
      const page = await this.app.host.exchanges(toQuery(filters, PAGE_SIZE, null));
      if (query !== this.#queryNumber) return;
      // Updates received while the query ran are newer than its result.
      this.rows = merge(page, this.paused ? [] : [...this.#pending.values()], filters, MAX_ROWS);
      this.hasMore = page.length === PAGE_SIZE;
      this.#collectNames(page);
    });
    if (query !== this.#queryNumber) return;
    this.rows ??= [];
    this.loading = false;
  }

  /** Loads the next page below the last row. */
  async loadMore(): Promise<void> {
    if (!this.hasMore || this.#loadingMore || this.rows === null || this.rows.length >= MAX_ROWS) return;
    this.#loadingMore = true;
    const query = this.#queryNumber;
    await this.app.attempt(async () => {
      const page = await this.app.host.exchanges(toQuery(this.filters, PAGE_SIZE, oldestId(this.rows ?? [])));
      if (query !== this.#queryNumber) return;
      this.rows = merge(this.rows ?? [], page, this.filters, MAX_ROWS);
      this.hasMore = page.length === PAGE_SIZE;
      this.#collectNames(page);
    });
    this.#loadingMore = false;
  }

  /** Loads everything down to the oldest request, or to the limit of rows. */
  async loadAll(): Promise<void> {
    const query = this.#queryNumber;
    while (this.hasMore && query === this.#queryNumber && (this.rows?.length ?? 0) < MAX_ROWS) {
      const before = this.rows;
      await this.loadMore();
      // A page that is being loaded already, or one that failed.
      if (before === this.rows) await new Promise((done) => setTimeout(done, FLUSH_INTERVAL_MS));
      if (before === this.rows && this.app.error !== null) return;
    }
  }

  async #count(): Promise<void> {
    const { filters } = this;
    try {
      const counts = await this.app.host.exchangeCounts(toQuery(filters, null, null));
      if (filters === this.filters) this.counts = counts;
    } catch {
      // The rows are shown all the same, and the query for them reports its error.
    }
  }

  #countSoon(): void {
    this.#countTimer ??= setTimeout(() => {
      this.#countTimer = undefined;
      void this.#count();
    }, COUNT_INTERVAL_MS);
  }

  /** Filters the loaded rows immediately, then queries the database. */
  setFilters(change: Partial<Filters>): void {
    this.filters = { ...this.filters, ...change };
    this.rows = (this.rows ?? []).filter((row) => matches(row, this.filters));
    clearTimeout(this.#filterTimer);
    this.loading = true;
    this.#queryNumber += 1;
    const delay = 'text' in change && isFiltered(this.filters) ? DEBOUNCE_MS : 0;
    this.#filterTimer = setTimeout(() => void this.load(), delay);
  }

  /** Shows the details of a request, whatever the filters. */
  async show(id: string): Promise<void> {
    this.selectedId = id;
    this.detailOpen = true;
    if (this.rows?.some((row) => row.id === id)) return;
    await this.app.attempt(async () => {
      const { row } = await this.app.host.exchangeDetail(id);
      if (!matches(row, this.filters)) this.setFilters(NO_FILTERS);
      this.#pending.set(id, row);
      this.#flush();
    });
  }

  /** Stops a running request. */
  async stop(id: string): Promise<void> {
    if (await this.app.attempt(() => this.app.host.stopExchange(id))) this.app.announce('Stopped.');
  }

  setPaused(paused: boolean): void {
    this.paused = paused;
    if (paused) this.#pausedAt = Date.now();
    else this.#flush();
  }

  #onExchange(row: ExchangeRow): void {
    if (this.paused && row.at >= this.#pausedAt && !this.#pending.has(row.id)) this.newWhilePaused += 1;
    this.#pending.set(row.id, row);
    if (this.paused) {
      // A pause may last all night; drop what would exceed MAX_ROWS anyway.
      if (this.#pending.size > MAX_ROWS) this.#pending.delete(this.#pending.keys().next().value ?? '');
      return;
    }
    this.#flushTimer ??= setTimeout(() => this.#flush(), FLUSH_INTERVAL_MS);
  }

  #flush(): void {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    this.newWhilePaused = 0;
    if (this.rows === null) return;
    const updates = [...this.#pending.values()];
    this.#pending.clear();
    const known = new Map(this.rows.map((row) => [row.id, row.state]));
    this.rows = merge(this.rows, updates, this.filters, MAX_ROWS);
    if (updates.some((row) => known.get(row.id) !== row.state)) this.#countSoon();
    this.#collectNames(updates);
  }

  #onCleared(): void {
    this.#pending.clear();
    this.newWhilePaused = 0;
    this.selectedId = null;
    this.detailOpen = false;
    this.rows = [];
    void this.load();
  }

  #collectNames(rows: readonly ExchangeRow[]): void {
    const union = (names: string[], added: string[]) => {
      const all = [...new Set([...names, ...added])].filter((name) => name !== '').sort();
      return all.length === names.length ? names : all;
    };
    this.appNames = union(
      this.appNames,
      rows.map((row) => row.app),
    );
    this.keyNames = union(
      this.keyNames,
      rows.map((row) => row.key),
    );
    this.modelNames = union(
      this.modelNames,
      rows.map((row) => row.model),
    );
  }
}
