/** Formats numbers, times, states and errors for display. */

import type { ExchangeState } from '../bindings/ExchangeState';
import type { ViewError } from '../bindings/ViewError';

/** Shown in place of a missing value. */
export const NO_VALUE = '–';

const DAY_MS = 86_400_000;

/** The system's locale. Only tests and pictures set another one. */
let locale: string | undefined;
let formats = new Map<string, Intl.DateTimeFormat>();
let decimals: Intl.NumberFormat[] = [];

export function setLocale(tag: string | undefined): void {
  locale = tag;
  formats = new Map();
  decimals = [];
}

/** Making a format takes much longer than using it. */
function dateFormat(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const name = JSON.stringify(options);
  const known = formats.get(name) ?? new Intl.DateTimeFormat(locale, options);
  formats.set(name, known);
  return known;
}

function formatNumber(n: number, digits: number): string {
  decimals[digits] ??= new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return decimals[digits].format(n);
}

/** A duration: `38 ms`, `0.41 s`, `12.4 s`, `2 min 05 s`. */
export function formatDuration(ms: number | null): string {
  if (ms === null) return NO_VALUE;
  if (ms < 100) return `${Math.round(ms)} ms`;
  if (ms < 995) return `${formatNumber(ms / 1000, 2)} s`;
  if (ms < 59_950) return `${formatNumber(ms / 1000, 1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
}

/** A whole number with thousands separators. */
export function formatCount(n: number | null): string {
  return n === null ? NO_VALUE : formatNumber(n, 0);
}

/** A size: `4 KB`, `1.4 MB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1_000_000) return `${formatNumber(Math.ceil(bytes / 1000), 0)} KB`;
  return `${formatNumber(bytes / 1_000_000, 1)} MB`;
}

/** A large number, abbreviated: `950`, `21k`, `1.4M`. */
export function formatCompact(n: number): string {
  if (n < 1000) return String(n);
  if (n < 9950) return `${formatNumber(n / 1000, 1)}k`;
  if (n < 999_500) return `${Math.round(n / 1000)}k`;
  return `${formatNumber(n / 1_000_000, 1)}M`;
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${formatCount(n)} ${n === 1 ? one : many}`;
}

/** The time of day: `09:14:05`, or `09:14:05 AM` where clocks have twelve hours. */
export function formatTime(ms: number): string {
  return dateFormat({ hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(ms);
}

/** The time of day without seconds: `09:14`. */
export function formatHourMinute(ms: number): string {
  return dateFormat({ hour: '2-digit', minute: '2-digit' }).format(ms);
}

/** Whether times have AM or PM, and need more room. */
export function hasTwelveHours(): boolean {
  return dateFormat({ hour: '2-digit' }).resolvedOptions().hour12 === true;
}

/** Day and time: `2 Nov, 09:14`. */
export function formatDateTime(ms: number): string {
  return dateFormat({ day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' }).format(ms);
}

/** The day of the week and the date: `Mon 2 Nov`. */
export function formatDate(ms: number): string {
  return dateFormat({ weekday: 'short', day: 'numeric', month: 'short' }).format(ms);
}

/** The date with its year: `31 Jan 2027`. */
export function formatFullDate(ms: number): string {
  return dateFormat({ day: 'numeric', month: 'short', year: 'numeric' }).format(ms);
}

/** The start of a day written as `2027-01-31`, in milliseconds; `null` if it is not one. */
export function parseDay(text: string): number | null {
  const [year, month, day] = /^\d{4}-\d{2}-\d{2}$/.test(text) ? text.split('-').map(Number) : [];
  if (year === undefined || month === undefined || day === undefined) return null;
  return new Date(year, month - 1, day).getTime();
}

export function startOfDay(ms: number): number {
  const date = new Date(ms);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}

/** `today`, `yesterday`, `2 Nov`, `2 Nov 2024`. */
export function formatDay(ms: number, now: number): string {
  const days = Math.round((startOfDay(now) - startOfDay(ms)) / DAY_MS);
  if (days <= 0) return 'today';
  if (days === 1) return 'yesterday';
  const date = new Date(ms);
  const sameYear = date.getFullYear() === new Date(now).getFullYear();
  return dateFormat({ day: 'numeric', month: 'short', ...(sameYear ? {} : { year: 'numeric' }) }).format(date);
}

/** `just now`, `12 min ago`, `3 h ago`; from twelve hours on, the day. */
export function timeAgo(ms: number, now: number): string {
  const minutes = Math.floor((now - ms) / 60_000);
  if (minutes < 1) return 'just now';
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 12 * 60) return `${Math.floor(minutes / 60)} h ago`;
  return formatDay(ms, now);
}

/** `Since 09:14`, `Since yesterday, 09:14`. */
export function formatSince(ms: number, now: number): string {
  const day = formatDay(ms, now);
  return day === 'today' ? `Since ${formatHourMinute(ms)}` : `Since ${day}, ${formatHourMinute(ms)}`;
}

export function stateLabel(state: ExchangeState): string {
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
      return 'stopped by app';
    case 'cancelled':
      return 'stopped by you';
  }
}

/** Splits a text at its backticks: every second part is code. */
export function splitCode(text: string): { text: string; code: boolean }[] {
  return text
    .split('`')
    .map((part, index) => ({ text: part, code: index % 2 === 1 }))
    .filter((part) => part.text !== '');
}

export function isViewError(error: unknown): error is ViewError {
  return typeof error === 'object' && error !== null && 'message' in error && 'fields' in error;
}

/** The error messages of a rejected form, by field. */
export function fieldErrors(error: unknown): Partial<Record<string, string>> {
  return isViewError(error) ? Object.fromEntries(error.fields.map((field) => [field.field, field.message])) : {};
}

export function errorMessage(error: unknown): string {
  if (isViewError(error)) return error.message;
  if (error instanceof Error) return error.message;
  return typeof error === 'string' ? error : 'Something went wrong. See the log file for details.';
}

/** A path with `~` for the home folder. */
export function shortenHome(path: string, home: string | null): string {
  if (home === null || !path.startsWith(home)) return path;
  const rest = path.slice(home.length);
  return rest === '' || /^[\\/]/.test(rest) ? `~${rest}` : path;
}
