import { describe, expect, test } from 'vitest';
import {
  timeAgo,
  splitCode,
  formatCount,
  formatDay,
  errorMessage,
  plural,
  formatCompact,
  formatSince,
  formatDuration,
  truncateStart,
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
])('a span of %s ms reads %s', (ms, text) => expect(formatDuration(ms)).toBe(text));

test.each([
  [950, '950'],
  [2100, '2.1k'],
  [214_400, '214k'],
  [1_440_000, '1.4M'],
])('%s in short is %s', (n, text) => expect(formatCompact(n)).toBe(text));

test('thousands stand apart', () => expect(formatCount(9120)).toBe('9,120'));
test('one is not many', () =>
  expect([plural(1, 'request'), plural(2, 'request')]).toEqual(['1 request', '2 requests']));

describe('times are said from where one stands', () => {
  const now = new Date(2026, 10, 22, 15, 0).getTime();
  const at = (days: number, hours: number) => new Date(2026, 10, 22 + days, hours, 14).getTime();
  test('the day', () =>
    expect([
      formatDay(at(0, 9), now),
      formatDay(at(-1, 23), now),
      formatDay(at(-20, 9), now),
      formatDay(at(-400, 9), now),
    ]).toEqual(['today', 'yesterday', '2 Nov', '18 Oct 2025']));
  test('how long ago', () =>
    expect([
      timeAgo(now - 20_000, now),
      timeAgo(now - 300_000, now),
      timeAgo(now - 7_300_000, now),
      timeAgo(at(-1, 9), now),
    ]).toEqual(['just now', '5 min ago', '2 h ago', 'yesterday']));
  test('since when', () =>
    expect([formatSince(at(0, 9), now), formatSince(at(-1, 9), now)]).toEqual([
      'since 09:14',
      'since yesterday, 09:14',
    ]));
});

test('backquotes make code of a sentence', () =>
  expect(splitCode('Run `codex login`, then look again.')).toEqual([
    { text: 'Run ', code: false },
    { text: 'codex login', code: true },
    { text: ', then look again.', code: false },
  ]));

test('whatever is thrown has words', () =>
  expect([
    errorMessage({ message: 'No.', fields: [] }),
    errorMessage(new Error('Off.')),
    errorMessage('text'),
    errorMessage(undefined),
  ]).toEqual(['No.', 'Off.', 'text', 'Something went wrong. The log file may say more.']));

test.each([
  ['/usr/bin/codex', '/usr/bin/codex'],
  ['/home/me/.nvm/versions/node/v22.1.0/lib/codex', '…/node/v22.1.0/lib/codex'],
  ['C:\\Users\\me\\AppData\\Roaming\\npm\\codex.cmd', '…\\Roaming\\npm\\codex.cmd'],
  [`/${'x'.repeat(50)}`, `…${'x'.repeat(29)}`],
])('of the path %s is shown %s', (path, shown) => expect(truncateStart(path, 30)).toBe(shown));
