/** The request log of the fake host. */

import type { ExchangeQuery } from '../../bindings/ExchangeQuery';
import type { ExchangeRow } from '../../bindings/ExchangeRow';
import type { ViewError } from '../../bindings/ViewError';
import type { Host, HostEvents } from '../host';
import { isRunning, matches, type Filters } from '../request-rows';
import { fakeChanges } from './changes';
import { chartOf, todayOf } from './charts';
import { planRequest, requestDetail, rowAfter } from './traffic';

export interface Log {
  rows: ExchangeRow[];
  now: () => number;
  keepTexts: () => boolean;
  /** Answers take time. */
  live: boolean;
  emit: <E extends keyof HostEvents>(event: E, payload: HostEvents[E]) => void;
  /** Ends a running request. */
  stop: (id: string) => void;
}

const NOT_FOUND: ViewError = { message: 'This request is no longer in the log.', fields: [] };

const toFilters = (query: ExchangeQuery): Filters => ({ ...query, text: query.text ?? '', period: 'custom' });

type Commands = Pick<
  Host,
  | 'exchanges'
  | 'exchangeCounts'
  | 'exchangeDetail'
  | 'stopExchange'
  | 'clearExchanges'
  | 'undoClear'
  | 'exportExchanges'
  | 'savePicture'
  | 'copyAsCurl'
  | 'copyResumeCommand'
  | 'chart'
  | 'today'
  | 'undoChanges'
  | 'redoChanges'
  | 'reviewChanges'
  | 'cancelReview'
>;

export function requestCommands(log: Log): Commands {
  let cleared: ExchangeRow[] = [];
  const changes = fakeChanges(log);
  const matching = (query: ExchangeQuery) =>
    log.rows.filter((row) => (query.before === null || row.id < query.before) && matches(row, toFilters(query)));
  return {
    exchanges: async (query) => matching(query).slice(0, Math.min(query.limit ?? 200, 1000)),
    exchangeCounts: async (query) => {
      const rows = matching({ ...query, before: null });
      return { total: rows.length, failed: rows.filter((row) => row.state === 'failed').length };
    },
    exchangeDetail: async (id) => {
      const row = log.rows.find((one) => one.id === id);
      if (row === undefined) throw NOT_FOUND;
      return { ...requestDetail(row, log.keepTexts()), ...changes.of(row) };
    },
    stopExchange: async (id) => {
      const row = log.rows.find((one) => one.id === id);
      if (row === undefined || !isRunning(row)) throw { message: 'This request has already ended.', fields: [] };
      log.stop(id);
      const stopped: ExchangeRow = { ...row, state: 'cancelled', totalMs: log.now() - row.at };
      log.rows = log.rows.map((one) => (one.id === id ? stopped : one));
      log.emit('exchange', stopped);
    },
    clearExchanges: async () => {
      cleared = log.rows.filter((row) => !isRunning(row));
      log.rows = log.rows.filter(isRunning);
      log.emit('exchanges_cleared', null);
    },
    undoClear: async () => {
      log.rows = [...log.rows, ...cleared].sort((a, b) => (a.id < b.id ? 1 : -1));
      cleared = [];
      log.emit('exchanges_cleared', null);
    },
    exportExchanges: async (query) => matching(query).length,
    savePicture: async () => true,
    copyAsCurl: async () => {},
    copyResumeCommand: async () => {},
    ...changes.commands,
    chart: async (range, stack) => chartOf(log.rows, range, stack, log.now()),
    today: async () => todayOf(log.rows, log.now()),
  };
}

/** Requests until `now`, newest first. */
export function pastRequests(length: number, now: number, random: () => number): ExchangeRow[] {
  let at = now - 4000;
  return Array.from({ length }, (_, index) => {
    at -= Math.round(4000 + random() * 240_000);
    const one = planRequest(at, index, random);
    return rowAfter(one, one.totalMs);
  });
}
