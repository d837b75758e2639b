import { describe, expect, test } from 'vitest';
import {
  timeAgo,
  splitCode,
  formatCount,
  formatDay,
  errorMessage,
  plural,
  formatBytes,
  formatCompact,
  formatSince,
  formatDuration,
  formatTime,
  hasTwelveHours,
  setLocale,
  shortenHome,
} from '../src/lib/format';

test.each([
  [null, '–'],
  [0, '0 ms'],
  [38, '38 ms'],
  [412, '0.41 s'],
  [994, '0.99 s'],
  [995, '1.0 s'],
  [2840, '2.8 s'],
  [59_940, '59.9 s'],
  [59_960, '1 min 00 s'],
  [125_000, '2 min 05 s'],
])('%s ms is formatted as %s', (ms, text) => expect(formatDuration(ms)).toBe(text));

test.each([
  [950, '950'],
  [2100, '2.1k'],
  [214_400, '214k'],
  [1_440_000, '1.4M'],
])('%s is abbreviated as %s', (n, text) => expect(formatCompact(n)).toBe(text));

test.each([
  [0, '0 KB'],
  [1, '1 KB'],
  [340_800, '341 KB'],
  [1_440_000, '1.4 MB'],
])('%s bytes are shown as %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

test('thousands are separated', () => expect(formatCount(9120)).toBe('9,120'));
test('one is singular', () =>
  expect([plural(1, 'request'), plural(2, 'request')]).toEqual(['1 request', '2 requests']));

describe('relative times', () => {
  const now = new Date(2026, 10, 22, 15, 0).getTime();
  const at = (days: number, hours: number) => new Date(2026, 10, 22 + days, hours, 14).getTime();
  test('show the day', () =>
    expect([
      formatDay(at(0, 9), now),
      formatDay(at(-1, 23), now),
      formatDay(at(-20, 9), now),
      formatDay(at(-400, 9), now),
    ]).toEqual(['today', 'yesterday', '2 Nov', '18 Oct 2025']));
  test('show how long ago', () =>
    expect([
      timeAgo(now - 20_000, now),
      timeAgo(now - 300_000, now),
      timeAgo(now - 7_300_000, now),
      timeAgo(at(-1, 9), now),
    ]).toEqual(['just now', '5 min ago', '2 h ago', 'yesterday']));
  test('show since when', () =>
    expect([formatSince(at(0, 9), now), formatSince(at(-1, 9), now)]).toEqual([
      'Since 09:14',
      'Since yesterday, 09:14',
    ]));
});

test('text in backticks is code', () =>
  expect(splitCode('Run `codex login`, then look again.')).toEqual([
    { text: 'Run ', code: false },
    { text: 'codex login', code: true },
    { text: ', then look again.', code: false },
  ]));

test('anything thrown has a message', () =>
  expect([
    errorMessage({ message: 'No.', fields: [] }),
    errorMessage(new Error('Off.')),
    errorMessage('text'),
    errorMessage(undefined),
  ]).toEqual(['No.', 'Off.', 'text', 'Something went wrong. See the log file for details.']));

test.each([
  ['/usr/bin/codex', '/home/me', '/usr/bin/codex'],
  ['/home/me/.local/bin/codex', '/home/me', '~/.local/bin/codex'],
  ['/home/me', '/home/me', '~'],
  ['/home/meadow/codex', '/home/me', '/home/meadow/codex'],
  ['C:\\Users\\me\\codex.cmd', 'C:\\Users\\me', '~\\codex.cmd'],
  ['/home/me/codex', null, '/home/me/codex'],
])('the path %s with the home %s is shown as %s', (path, home, shown) => expect(shortenHome(path, home)).toBe(shown));

test('times, dates and numbers follow the locale', () => {
  const at = new Date(2026, 10, 2, 15, 4, 5).getTime();
  const now = new Date(2026, 10, 22).getTime();
  const shown = (tag: string) => {
    setLocale(tag);
    return [formatTime(at), formatDay(at, now), formatCount(9120), formatDuration(2840), hasTwelveHours()];
  };
  expect(shown('de-DE')).toEqual(['15:04:05', '2. Nov.', '9.120', '2,8 s', false]);
  expect(shown('en-US')).toEqual([expect.stringMatching(/^03:04:05\sPM$/), 'Nov 2', '9,120', '2.8 s', true]);
  setLocale('en-GB');
});
