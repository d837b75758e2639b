/** Numbers, times and states as people read them. Every unit is written out; everything here is pure. */

import type { ExchangeState } from '../bindings/ExchangeState';
import type { ViewError } from '../bindings/ViewError';

/** Stands where there is no value. */
export const NONE = '–';

const DAY_MS = 86_400_000;

/** A span of time: `38 ms`, `0.41 s`, `12.4 s`, `2 min 05 s`. */
export function span(ms: number | null): string {
  if (ms === null) return NONE;
  if (ms < 100) return `${Math.round(ms)} ms`;
  if (ms < 995) return `${(ms / 1000).toFixed(2)} s`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
}

/** A whole number with its thousands apart. */
export function count(n: number | null): string {
  return n === null ? NONE : n.toLocaleString('en-GB');
}

/** A large number in short: `950`, `21k`, `1.4M`. */
export function short(n: number): string {
  if (n < 1000) return String(n);
  if (n < 9950) return `${(n / 1000).toFixed(1)}k`;
  if (n < 999_500) return `${Math.round(n / 1000)}k`;
  return `${(n / 1_000_000).toFixed(1)}M`;
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

const two = (n: number) => String(n).padStart(2, '0');

/** The time of day to the second. */
export function clock(ms: number): string {
  const at = new Date(ms);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** The time of day to the minute. */
export function minute(ms: number): string {
  return clock(ms).slice(0, 5);
}

export function startOfDay(ms: number): number {
  const at = new Date(ms);
  return new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();
}

/** `today`, `yesterday`, `2 Nov`, `2 Nov 2024`. */
export function day(ms: number, now: number): string {
  const days = Math.round((startOfDay(now) - startOfDay(ms)) / DAY_MS);
  if (days <= 0) return 'today';
  if (days === 1) return 'yesterday';
  const at = new Date(ms);
  const sameYear = at.getFullYear() === new Date(now).getFullYear();
  return at.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', ...(sameYear ? {} : { year: 'numeric' }) });
}

/** `just now`, `12 min ago`, `3 h ago`, then the day. */
export function ago(ms: number, now: number): string {
  const minutes = Math.floor((now - ms) / 60_000);
  if (minutes < 1) return 'just now';
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 12 * 60) return `${Math.floor(minutes / 60)} h ago`;
  return day(ms, now);
}

/** `since 09:14`, `since yesterday, 09:14`. */
export function since(ms: number, now: number): string {
  const on = day(ms, now);
  return on === 'today' ? `since ${minute(ms)}` : `since ${on}, ${minute(ms)}`;
}

export const STATES: readonly ExchangeState[] = ['waiting', 'streaming', 'done', 'failed', 'stopped'];

export function stateWord(state: ExchangeState): string {
  switch (state) {
    case 'waiting':
      return 'waiting';
    case 'streaming':
      return 'streaming';
    case 'done':
      return 'done';
    case 'failed':
      return 'failed';
    case 'stopped':
      return 'stopped by client';
  }
}

/** A text cut at its backquotes: every second part is code. */
export function codeParts(text: string): { text: string; code: boolean }[] {
  return text
    .split('`')
    .map((part, index) => ({ text: part, code: index % 2 === 1 }))
    .filter((part) => part.text !== '');
}

export function isViewError(error: unknown): error is ViewError {
  return typeof error === 'object' && error !== null && 'message' in error && 'fields' in error;
}

/** What was wrong with each field of a form that was refused. */
export function fieldErrors(error: unknown): Partial<Record<string, string>> {
  return isViewError(error) ? Object.fromEntries(error.fields.map((field) => [field.field, field.message])) : {};
}

/** What to say of a call that was refused. */
export function errorText(error: unknown): string {
  if (isViewError(error)) return error.message;
  if (error instanceof Error) return error.message;
  return typeof error === 'string' ? error : 'Something went wrong. The log file may say more.';
}

/** The end of a path, which says more than its beginning, in whole folders if that is possible. */
export function tail(path: string, longest: number): string {
  if (path.length <= longest) return path;
  const end = path.slice(path.length - longest + 1);
  const folder = end.search(/[\\/]/);
  return `…${folder > 0 ? end.slice(folder) : end}`;
}
