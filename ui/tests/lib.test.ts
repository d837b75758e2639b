import { describe, expect, test } from 'vitest';
import { parseAliases, serializeAliases } from '../src/lib/model-aliases';
import type { Chart } from '../src/bindings/Chart';
import type { ChartBar } from '../src/bindings/ChartBar';
import type { ChartRange } from '../src/bindings/ChartRange';
import { axisTicks, barLabel, chartSummary, groupSeries, tickLabel } from '../src/lib/chart-bars';
import { settingsFor } from '../src/lib/fake/scenario';
import { changedFields, parseNumber, rebase, isFullAccessPhrase } from '../src/lib/settings-form';
import { describeLimits, allowedModes, NO_LIMITS, PLAIN_MODELS } from '../src/lib/key-limits';
import type { ExchangeRow } from '../src/bindings/ExchangeRow';
import { startOfDay } from '../src/lib/format';
import { matches, merge, NO_FILTERS, oldestId, timeBreakdown, toQuery, type Filters } from '../src/lib/request-rows';
import { scrollToRow, visibleRange } from '../src/lib/virtual-list';
import { groupRecipes } from '../src/views/connect/recipe-groups';
import { recipesFor } from '../src/lib/fake/recipes';
import { row } from './helpers';

describe('the rows of the log', () => {
  test('are sorted with running requests first, then newest first', () => {
    const rows = merge(
      [],
      [row({ id: 'a', state: 'streaming' }), row({ id: 'c' }), row({ id: 'b' }), row({ id: 'd', state: 'waiting' })],
      NO_FILTERS,
      10,
    );
    expect(rows.map((one) => one.id)).toEqual(['d', 'a', 'c', 'b']);
  });
  test('are replaced by updates with the same id', () => {
    const rows = merge([row({ id: 'a', output: 1 })], [row({ id: 'a', output: 2 })], NO_FILTERS, 10);
    expect(rows.map((one) => one.output)).toEqual([2]);
  });
  test('are removed when they no longer match the filters', () => {
    const filters = { ...NO_FILTERS, show: 'running' as const };
    expect(merge([row({ id: 'a', state: 'streaming' })], [row({ id: 'a', state: 'done' })], filters, 10)).toEqual([]);
  });
  test('are limited to the newest', () =>
    expect(merge([row({ id: 'a' }), row({ id: 'b' })], [row({ id: 'c' })], NO_FILTERS, 2).map((one) => one.id)).toEqual(
      ['c', 'b'],
    ));
  test('match text in key, client, model, route and error, ignoring case', () => {
    const one = row({ id: 'a', key: 'Scripts', client: 'Continue', model: 'gpt-5.5', error: 'Codex exited' });
    const matchesText = (text: string) => matches(one, { ...NO_FILTERS, text });
    expect([
      matchesText('script'),
      matchesText('CONTINUE'),
      matchesText('5.5'),
      matchesText('/v1/chat'),
      matchesText('exited'),
      matchesText('webui'),
    ]).toEqual([true, true, true, true, true, false]);
  });
  test('continue from the oldest id, even if that request is still running', () =>
    expect(oldestId([row({ id: 'a', state: 'streaming' }), row({ id: 'c' }), row({ id: 'b' })])).toBe('a'));
  test('match running, failed, stopped and background requests, an app, and a time', () => {
    const now = Date.now();
    const one = (change: Partial<ExchangeRow>, filters: Partial<Filters>) =>
      matches(row({ id: 'a', ...change }), { ...NO_FILTERS, ...filters }, now);
    expect([
      one({ state: 'waiting' }, { show: 'running' }),
      one({ state: 'done' }, { show: 'running' }),
      one({ state: 'failed' }, { show: 'failed' }),
      one({ state: 'cancelled' }, { show: 'stopped' }),
      one({ state: 'stopped' }, { show: 'stopped' }),
      one({ background: false }, { show: 'background' }),
      one({ app: 'Zed' }, { app: 'Zed' }),
      one({ app: 'Zed' }, { app: 'Cline' }),
      one({ at: now - 3_000_000 }, { period: 'hour' }),
      one({ at: now - 4_000_000 }, { period: 'hour' }),
      one({ at: 50 }, { period: 'custom', since: 50, until: 51 }),
      one({ at: 51 }, { period: 'custom', since: 50, until: 51 }),
    ]).toEqual([true, false, true, true, true, false, true, false, true, false, true, false]);
  });
  test('are asked for since the beginning of the day, or of the day six days ago', () => {
    const midnight = startOfDay(Date.now());
    expect(toQuery({ ...NO_FILTERS, period: 'today' }, 1, null).since).toBe(midnight);
    const week = toQuery({ ...NO_FILTERS, period: 'week' }, 1, null).since ?? 0;
    expect(Math.round((midnight - week) / 86_400_000)).toBe(6);
  });
});

describe('the time breakdown of a request', () => {
  test("separates the proxy's overhead from Codex's time", () => {
    const parts = timeBreakdown(row({ id: 'a', waitMs: 100, ownMs: 2, firstMs: 500, totalMs: 2000 }), 0);
    expect(parts.map((part) => [part.kind, part.ms])).toEqual([
      ['queue', 100],
      ['proxy', 2],
      ['codex', 398],
      ['answer', 1500],
    ]);
  });
  test('counts up to now while running', () =>
    expect(
      timeBreakdown(
        row({ id: 'a', at: 1000, state: 'waiting', waitMs: 0, ownMs: null, firstMs: null, totalMs: null }),
        4000,
      ).at(-1),
    ).toMatchObject({ kind: 'codex', ms: 3000 }));
});

describe('the virtual list', () => {
  test('renders the visible rows and a few around them', () =>
    expect(visibleRange(10_000, 46, 46_000, 460)).toEqual({ start: 994, end: 1016 }));
  test('starts at the first row', () => expect(visibleRange(10_000, 46, 0, 460)).toEqual({ start: 0, end: 16 }));
  test('ends at the last row', () => expect(visibleRange(12, 46, 999, 460)).toEqual({ start: 11, end: 12 }));
  test('renders nothing for an empty list', () => expect(visibleRange(0, 46, 0, 460)).toEqual({ start: 0, end: 0 }));
  test('scrolls as little as needed to show a row', () =>
    expect([scrollToRow(0, 46, 100, 460), scrollToRow(5, 46, 100, 460), scrollToRow(20, 46, 100, 460)]).toEqual([
      0, 100, 506,
    ]));
});

describe('the draft of the settings', () => {
  const { form } = settingsFor('running');
  test('lists the changed fields', () =>
    expect(changedFields({ ...form, port: 9000, keep_texts: true }, form)).toEqual(['port', 'keep_texts']));
  test('keeps its changes when another field is saved meanwhile', () =>
    expect(rebase({ ...form, port: 9000 }, form, { ...form, listen: 'dockerBridge' })).toEqual({
      ...form,
      port: 9000,
      listen: 'dockerBridge',
    }));
  test('is unchanged once its values are saved', () =>
    expect(rebase({ ...form, port: 9000 }, form, { ...form, port: 9000 })).toEqual({ ...form, port: 9000 }));
  test('parses valid numbers and keeps other input for the app to reject', () =>
    expect(['8000', '0', '', ' 8', '08', '1.5', '-1', '0x10', '9'.repeat(30)].map(parseNumber)).toEqual([
      8000,
      0,
      '',
      ' 8',
      '08',
      '1.5',
      '-1',
      '0x10',
      '9'.repeat(30),
    ]));
  test('accepts full access only with the exact phrase', () =>
    expect([isFullAccessPhrase(''), isFullAccessPhrase('full'), isFullAccessPhrase(' Full access ')]).toEqual([
      false,
      false,
      true,
    ]));
});

describe('the charts', () => {
  const noon = new Date(2026, 10, 22, 12).getTime() / 1000;
  const bar = (change: Partial<ChartBar> = {}): ChartBar => ({
    from: noon,
    requests: 3,
    failed: 1,
    input: 1000,
    output: 200,
    firstMs: 400,
    groups: [],
    ...change,
  });
  const chart = (range: ChartRange, barSeconds: number): Chart => ({ range, barSeconds, bars: [bar()] });
  test('say of a bar from when to when it is', () =>
    expect([
      barLabel(noon, chart('hour', 120)),
      barLabel(noon, chart('week', 21_600)),
      barLabel(new Date(2026, 10, 22).getTime() / 1000, chart('month', 86_400)),
    ]).toEqual(['12:00–12:02', 'Sun 22 Nov, 12:00–18:00', 'Sun 22 Nov']));
  test('name the day of a bar that begins an hour before it, after a change to summer time', () =>
    expect(tickLabel(new Date(2026, 10, 21, 23).getTime() / 1000, chart('month', 86_400))).toBe('Sun 22 Nov'));
  test.each([
    [0, []],
    [1, [1]],
    [3, [1, 2, 3]],
    [8, [5, 10]],
    [37, [20, 40]],
    [1131, [500, 1000, 1500]],
  ])('have round numbers beside a peak of %s', (peak, ticks) => expect(axisTicks(peak, true)).toEqual(ticks));
  test('stack the four most used names and the others', () => {
    const groups = ['a', 'b', 'c', 'd', 'e', 'f'].map((name, n) => ({ name, requests: 10 - n, tokens: n }));
    const series = groupSeries([bar({ groups }), bar()], 'requests');
    expect(series.map((one) => one.name)).toEqual(['a', 'b', 'c', 'd', 'Other']);
    expect(series.map((one) => one.values)).toEqual([
      [10, 0],
      [9, 0],
      [8, 0],
      [7, 0],
      [11, 0],
    ]);
  });
  test('are summarised in one sentence', () =>
    expect(chartSummary(chart('day', 3600))).toBe(
      'In the last 24 hours: 3 requests, 1 failed, 1.0k input tokens and 200 output tokens.',
    ));
});

test('the three Open WebUI recipes share one tile, and every other recipe has its own', () => {
  const recipes = recipesFor('http://127.0.0.1:8000/v1', 'sk-…', false);
  const groups = groupRecipes(recipes).map((group) => [group.name, group.recipes.length]);
  expect(groups.slice(0, 4)).toEqual([
    ['Open WebUI', 3],
    ['curl', 1],
    ['OpenAI Python', 1],
    ['OpenAI Node', 1],
  ]);
  expect(groups.at(-1)).toEqual(['Any other app', 1]);
});

describe('the limits of a key', () => {
  test('are summarised with the last part of the folder', () => {
    expect(describeLimits(NO_LIMITS)).toBeNull();
    expect(describeLimits({ ...NO_LIMITS, sandbox: 'read-only' })).toBe('Read only');
    expect(describeLimits(PLAIN_MODELS)).toBe('Plain models only');
    expect(describeLimits({ ...NO_LIMITS, workspace: '/srv/notes' })).toBe('In notes');
    expect(describeLimits({ ...PLAIN_MODELS, requestsPerMinute: '1' })).toBe('Plain models only, 1 request a minute');
    expect(describeLimits({ ...NO_LIMITS, sandbox: 'workspace-write', workspace: '/home/me/projects/notes' })).toBe(
      'Write in its folder, in notes',
    );
  });
  test('never offer a mode more permissive than the setting, except the current one', () => {
    const modes = (setting: string, has: string) => allowedModes(setting, has).map((mode) => mode.value);
    expect(modes('read-only', '')).toEqual(['read-only']);
    expect(modes('workspace-write', 'read-only')).toEqual(['read-only', 'workspace-write']);
    expect(modes('read-only', 'danger-full-access')).toEqual(['read-only', 'danger-full-access']);
  });
});

describe('model aliases', () => {
  test('are serialised as the app does, so that saved values do not count as changed', () => {
    const rows = [
      { alias: 'b', model: 'gpt-5.5' },
      { alias: ' a ', model: 'codex-local' },
      { alias: '', model: '' },
      { alias: 'a1', model: 'gpt-5.5' },
      { alias: 'b', model: 'gpt-5.5' },
    ];
    expect(JSON.stringify(serializeAliases(rows))).toBe('{"a":"codex-local","a1":"gpt-5.5","b":"gpt-5.5"}');
    expect(parseAliases(serializeAliases(rows)).map((row) => row.alias)).toEqual(['a', 'a1', 'b']);
    expect(parseAliases({})).toEqual([]);
    const withDuplicate = [...rows, { alias: 'a', model: 'gpt-6' }];
    expect(parseAliases(serializeAliases(withDuplicate)).filter((row) => row.alias === 'a').length).toBe(2);
  });
});
