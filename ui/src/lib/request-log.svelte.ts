/**
 * The request log as the window holds it: a page of history, more of it on asking, and what arrives meanwhile.
 *
 * Changes are gathered and shown together, so that a hundred tokens a second cost a few redraws and not a hundred.
 */

import type { ExchangeRow } from '../bindings/ExchangeRow';
import type { App } from './app-store.svelte';
import type { Stop } from './host';
import { isFiltered, matches, merge, NO_FILTERS, oldest, queryOf, type Filters } from './request-rows';

/** Rows that are asked for at once. */
const PAGE = 500;
/** Rows that the window holds; older ones are dropped from it and stay in the history. */
export const KEPT = 10_000;
/** How long changes are gathered. */
const GATHER_MS = 80;
/** How long somebody may go on typing before the history is asked. */
const TYPING_MS = 180;

export class Log {
  /** `null` until the first page. */
  rows = $state.raw<ExchangeRow[] | null>(null);
  filters = $state.raw<Filters>(NO_FILTERS);
  paused = $state(false);
  /** New requests that arrived during the pause. */
  held = $state(0);
  /** Names for the filters' lists. */
  keys = $state.raw<string[]>([]);
  models = $state.raw<string[]>([]);
  /** Whether the history goes on below the last row. */
  more = $state(false);
  selected = $state<string | null>(null);

  #changed = new Map<string, ExchangeRow>();
  #pausedAt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #typing: ReturnType<typeof setTimeout> | undefined;
  /** Counts the questions, so that a late answer to an old one is not taken for one to the newest. */
  #asked = 0;
  #loadingMore = false;

  constructor(readonly app: App) {}

  async start(): Promise<Stop> {
    const stops = await Promise.all([
      this.app.host.listen('exchange', (row) => this.#take(row)),
      this.app.host.listen('exchanges_cleared', () => this.#emptied()),
    ]);
    await this.load();
    return () => {
      stops.forEach((stop) => stop());
      clearTimeout(this.#timer);
      clearTimeout(this.#typing);
    };
  }

  async load(): Promise<void> {
    const asked = ++this.#asked;
    const filters = this.filters;
    await this.app.attempt(async () => {
      const page = await this.app.host.exchanges(queryOf(filters, PAGE, null));
      if (asked !== this.#asked) return;
      // What arrived while the question was on its way is newer than the answer.
      this.rows = merge(page, this.paused ? [] : [...this.#changed.values()], filters, KEPT);
      this.more = page.length === PAGE;
      this.#learn(page);
    });
    if (asked === this.#asked) this.rows ??= [];
  }

  /** Asks for the next page below the last row. */
  async loadMore(): Promise<void> {
    if (!this.more || this.#loadingMore || this.rows === null || this.rows.length >= KEPT) return;
    this.#loadingMore = true;
    const asked = this.#asked;
    await this.app.attempt(async () => {
      const page = await this.app.host.exchanges(queryOf(this.filters, PAGE, oldest(this.rows ?? [])));
      if (asked !== this.#asked) return;
      this.rows = merge(this.rows ?? [], page, this.filters, KEPT);
      this.more = page.length === PAGE;
      this.#learn(page);
    });
    this.#loadingMore = false;
  }

  /** Narrows at once what is there, and asks the history a moment later. */
  filter(change: Partial<Filters>): void {
    this.filters = { ...this.filters, ...change };
    this.rows = (this.rows ?? []).filter((row) => matches(row, this.filters));
    clearTimeout(this.#typing);
    this.#asked += 1;
    this.#typing = setTimeout(() => void this.load(), 'text' in change && isFiltered(this.filters) ? TYPING_MS : 0);
  }

  pause(on: boolean): void {
    this.paused = on;
    if (on) this.#pausedAt = Date.now();
    else this.#show();
  }

  find(id: string): ExchangeRow | undefined {
    return this.rows?.find((row) => row.id === id);
  }

  #take(row: ExchangeRow): void {
    if (this.paused && row.at >= this.#pausedAt && !this.#changed.has(row.id)) this.held += 1;
    this.#changed.set(row.id, row);
    if (this.paused) {
      // A pause may last all night: what is too old to be shown afterwards need not be held.
      if (this.#changed.size > KEPT) this.#changed.delete(this.#changed.keys().next().value ?? '');
      return;
    }
    this.#timer ??= setTimeout(() => this.#show(), GATHER_MS);
  }

  #show(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.held = 0;
    if (this.rows === null) return;
    const changed = [...this.#changed.values()];
    this.#changed.clear();
    this.rows = merge(this.rows, changed, this.filters, KEPT);
    this.#learn(changed);
  }

  #emptied(): void {
    this.#changed.clear();
    this.held = 0;
    this.selected = null;
    this.rows = [];
    void this.load();
  }

  #learn(rows: readonly ExchangeRow[]): void {
    const grown = (names: string[], more: string[]) => {
      const all = [...new Set([...names, ...more])].filter((name) => name !== '').sort();
      return all.length === names.length ? names : all;
    };
    this.keys = grown(
      this.keys,
      rows.map((row) => row.key),
    );
    this.models = grown(
      this.models,
      rows.map((row) => row.model),
    );
  }
}
