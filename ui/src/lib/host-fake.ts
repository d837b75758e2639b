/**
 * Stands in for the app in a browser and in tests: the same answers, made up, and things that move.
 *
 * A test turns the movement off, looks at `calls`, and tells the window something with `emit`.
 */

import type { Applied } from '../bindings/Applied';
import type { ExchangeRow } from '../bindings/ExchangeRow';
import type { FieldError } from '../bindings/FieldError';
import type { KeyLimitsForm } from '../bindings/KeyLimitsForm';
import type { KeyRow } from '../bindings/KeyRow';
import type { Overview } from '../bindings/Overview';
import type { Settings } from '../bindings/Settings';
import type { TestPromptEvent } from '../bindings/TestPromptEvent';
import type { ViewError } from '../bindings/ViewError';
import { aliasesOf } from './model-aliases';
import { checkOf, recipesOf } from './fake/recipes';
import { keysOf, overviewOf, SCENARIOS, settingsOf, type Scenario } from './fake/scenario';
import type { FieldName, Form } from './settings-form';
import { chartOf, detailOf, dice, plan, rowAt, type Plan } from './fake/traffic';
import type { Host, HostEvents } from './host';
import { matches } from './request-rows';

export interface FakeOptions {
  scenario?: Scenario;
  /** How many requests there were before. */
  history?: number;
  /** Whether requests arrive by themselves. */
  moving?: boolean;
  now?: () => number;
}

export interface FakeHost extends Host {
  /** What was asked, in order, with its arguments. */
  readonly calls: { name: string; args: unknown[] }[];
  emit<E extends keyof HostEvents>(event: E, payload: HostEvents[E]): void;
  /** Makes the next call of this name be refused. */
  refuse(name: keyof Host, error: ViewError): void;
}

const SECRET = 'sk-codex-9Jq2hK0vXw4TtY7mZb1LrN5cAeP8sDgUfHiOkQyV3fQ';
const ANSWER = 'Hello there, nice meeting you.';

export function fakeFromUrl(search: URLSearchParams): FakeHost {
  const named = SCENARIOS.find((scenario) => scenario === search.get('scenario')) ?? 'running';
  return fakeHost({
    scenario: named,
    history: Number(search.get('history') ?? 400),
    moving: search.get('still') === null,
  });
}

export function fakeHost({
  scenario = 'running',
  history = 40,
  moving = false,
  now = Date.now,
}: FakeOptions = {}): FakeHost {
  const heard = new Map<keyof HostEvents, Set<(payload: never) => void>>();
  const refusals = new Map<string, ViewError>();
  const calls: FakeHost['calls'] = [];
  const roll = dice(42);

  let overview = overviewOf(scenario, now());
  let keys = keysOf(scenario, now());
  let settings = settingsOf(scenario);
  let answering = false;
  let rows = scenario === 'empty' ? [] : historyOf(history, now(), roll);
  const running: Plan[] = [];

  const emit: FakeHost['emit'] = (event, payload) => heard.get(event)?.forEach((hear) => hear(payload as never));
  const change = (to: Partial<Overview>) => {
    overview = { ...overview, ...to };
    emit('overview', overview);
  };
  const reject = (message: string, fields: FieldError[] = []): never => {
    throw { message, fields } satisfies ViewError;
  };
  const keyOf = (id: string | null): KeyRow | undefined => keys.find((key) => key.id === id) ?? keys[0];
  const shown = (id: string | null) => `sk-…${keyOf(id)?.lastFour ?? 'none'}`;
  const docker = () => settings.form.listen !== 'loopback';

  function refuseLimits({ workspace }: KeyLimitsForm) {
    if (workspace === '' || workspace.startsWith('/home/me/projects')) return;
    reject('Some settings need another look.', [
      {
        field: 'workspace',
        message: `${workspace} is not within the working folder of the settings, /home/me/projects.`,
      },
    ]);
  }

  function save(changes: Partial<Form>): Applied {
    const fields = faultsOf({ ...settings.form, ...changes });
    if (fields.length > 0) reject('Nothing was saved: something in the form is not right yet.', fields);
    settings = { ...settings, form: { ...settings.form, ...(changes as Partial<Settings>) }, notice: null };
    change({ keysNeeded: settings.form.keys_needed, baseUrl: `http://127.0.0.1:${settings.form.port}/v1` });
    if (!Object.keys(changes).some((name) => settings.restarts.includes(name))) return 'atOnce';
    return overview.proxy.state === 'running' ? 'restarted' : 'atNextStart';
  }

  function show(row: ExchangeRow) {
    rows = [row, ...rows.filter((other) => other.id !== row.id)].sort((a, b) => (a.id < b.id ? 1 : -1));
    emit('exchange', row);
  }

  // Whoever has not had its place yet waits.
  const counted = (): Partial<Overview> => {
    const waiting = running.filter((one) => rowAt(one, now() - one.row.at).waitMs === null).length;
    return { runningNow: running.length, answering: running.length - waiting, waiting };
  };

  function tick() {
    if (overview.proxy.state !== 'running' || overview.codex.state !== 'ready') return;
    if (running.length < 3 && Math.random() < 0.1) {
      running.push(plan(now(), rows.length, Math.random));
      change({ requestsToday: overview.requestsToday + 1, ...counted() });
    }
    for (const one of [...running]) {
      const row = rowAt(one, now() - one.row.at);
      show(row);
      if (row.totalMs !== null) {
        running.splice(running.indexOf(one), 1);
        change(counted());
      }
    }
  }

  if (moving && scenario !== 'empty' && overview.codex.state === 'ready') {
    const quick = plan(now() - 1900, 1, dice(3));
    running.push({
      ...quick,
      row: { ...quick.row, client: 'Open WebUI', model: 'codex-local', key: 'Default', commands: 1, background: false },
      totalMs: 9000,
      ends: 'done',
    });
    running.push({ ...plan(now() - 300, 2, dice(9)), firstMs: 2600, waitMs: 0, totalMs: 6000, ends: 'done' });
    if (overview.proxy.state === 'running') overview = { ...overview, ...counted() };
    tick();
    setInterval(tick, 220);
  }

  const host: Host = {
    overview: async () =>
      scenario === 'loading'
        ? new Promise(() => {})
        : scenario === 'broken'
          ? reject('The app does not answer.')
          : overview,
    startProxy: async () => change({ proxy: { state: 'running', since: Math.floor(now() / 1000) }, problem: null }),
    stopProxy: async () => change({ proxy: { state: 'stopped' }, runningNow: 0, answering: 0, waiting: 0 }),
    useFreePort: async () =>
      change({
        proxy: { state: 'running', since: Math.floor(now() / 1000) },
        baseUrl: 'http://127.0.0.1:8001/v1',
        problem: null,
      }),
    lookAgain: async () => change({ codex: overviewOf('running', now()).codex, problem: null }),

    keys: async () => keys,
    createKey: async (name, limits) => {
      if (name.trim() === '') reject('A key needs a name.', [{ field: 'name', message: 'A key needs a name.' }]);
      if (keys.some((key) => key.name === name.trim())) reject(`There is a key named '${name.trim()}' already.`);
      refuseLimits(limits);
      const row = {
        id: `k${keys.length + 7}`,
        name: name.trim(),
        lastFour: 'V3fQ',
        created: Math.floor(now() / 1000),
        lastUsed: null,
        canCopy: overview.keychain.state === 'available',
        limits,
        unshown: false,
      };
      keys = [row, ...keys];
      emit('keys', null);
      return { row, secret: SECRET };
    },
    limitKey: async (id, limits) => {
      refuseLimits(limits);
      keys = keys.map((key) => (key.id === id ? { ...key, limits } : key));
      emit('keys', null);
    },
    copyKey: async () => {},
    showKey: async (id) => {
      const row = keys.find((key) => key.id === id && key.unshown);
      if (row === undefined)
        return reject('The keychain does not have this key, so it cannot be shown again. Make a new one in its place.');
      keys = keys.map((key) => ({ ...key, unshown: false }));
      emit('keys', null);
      return { row: { ...row, unshown: false }, secret: SECRET };
    },
    revokeKey: async (id) => {
      const inKeychain = keys.some((key) => key.id === id && key.canCopy);
      keys = keys.filter((key) => key.id !== id);
      emit('keys', null);
      return scenario === 'keychain-locked' && inKeychain
        ? 'The key no longer works. Its secret is still in the keychain and can be removed there.'
        : null;
    },

    recipes: async (keyId) => recipesOf(overview.baseUrl, shown(keyId), docker()),
    copyPiece: async () => {},
    listenOnDockerBridge: async () => {
      settings = { ...settings, form: { ...settings.form, listen: 'dockerBridge' } };
      change({ reachableBy: 'Docker containers on this machine can reach it too, at 172.17.0.1.' });
    },
    checkConnection: async () => {
      if (moving) await new Promise((done) => setTimeout(done, 700));
      return checkOf(overview.proxy.state === 'running', docker());
    },

    settings: async () => settings,
    setSetting: async (name, value) => save({ [name]: value }),
    setSettings: async (changes) => save(changes),
    checkCodex: async (path) =>
      path === '' || path.endsWith('codex')
        ? { path: path || '/home/me/.local/bin/codex', version: '0.169.0', error: null }
        : { path, version: null, error: 'This is not codex: it does not answer to --version.' },
    pickCodex: async () => '/opt/codex/bin/codex',
    pickFolder: async () => '/home/me/projects',

    exchanges: async (query) => {
      const filters = { text: query.text ?? '', state: query.state, key: query.key, model: query.model };
      const before = query.before;
      return rows
        .filter((row) => (before === null || row.id < before) && matches(row, filters))
        .slice(0, Math.min(query.limit ?? 200, 1000));
    },
    exchangeDetail: async (id) => {
      const row = rows.find((one) => one.id === id);
      return row ? detailOf(row, settings.form.keep_texts) : reject('This request is no longer in the log.');
    },
    clearExchanges: async () => {
      rows = [];
      emit('exchanges_cleared', null);
    },
    copyAsCurl: async () => {},
    chart: async (by) => (scenario === 'empty' ? [] : chartOf(by, now())),

    sendTestPrompt: async (prompt, onEvent) => {
      if (overview.proxy.state !== 'running')
        return onEvent({ kind: 'failed', message: 'The proxy is stopped. Start it at the lower left.' });
      answering = true;
      const words: TestPromptEvent[] = ANSWER.split(/(?<= )/).map((text) => ({ kind: 'text', text, firstMs: 384 }));
      for (const word of words) {
        if (moving) await new Promise((done) => setTimeout(done, prompt.length > 60 ? 400 : 90));
        if (!answering) return;
        onEvent(word);
      }
      answering = false;
      onEvent({ kind: 'done', firstMs: 384, totalMs: 912, model: 'codex-local' });
    },
    stopTestPrompt: async () => void (answering = false),

    copyText: async () => {},
    openLogFolder: async () => {},
    copyDiagnostics: async () => {},
    quit: async () => {},
    answerClose: async () => {},

    listen: async (event, hear) => {
      const all = heard.get(event) ?? new Set();
      heard.set(event, all.add(hear as (payload: never) => void));
      return () => all.delete(hear as (payload: never) => void);
    },
  };

  const noted = new Proxy(host, {
    get: (target, name: keyof Host) => {
      const call = target[name] as ((...args: unknown[]) => unknown) | undefined;
      if (call === undefined) return undefined;
      return (...args: unknown[]) => {
        if (name !== 'listen') calls.push({ name, args });
        const refusal = refusals.get(name);
        if (refusal === undefined) return call(...args);
        refusals.delete(name);
        return Promise.reject(refusal);
      };
    },
  });
  return Object.assign(Object.create(noted) as Host, {
    calls,
    emit,
    refuse: (name: keyof Host, error: ViewError) => void refusals.set(name, error),
  });
}

function historyOf(length: number, now: number, roll: () => number): ExchangeRow[] {
  let at = now - 4000;
  return Array.from({ length }, (_, index) => {
    at -= Math.round(4000 + roll() * 240_000);
    const one = plan(at, index, roll);
    return rowAt(one, one.totalMs);
  });
}

const BOUNDS: readonly (readonly [FieldName, string, number, number])[] = [
  ['port', 'A port is a whole number from 1 to 65535; 8000 is usual.', 1, 65535],
  ['keep_days', 'From 1 to 3650 days.', 1, 3650],
  ['max_turns', 'Write a number of requests from 1 to 100.', 1, 100],
  ['max_waiting', 'Write a number of requests from 0 to 1000.', 0, 1000],
  ['max_wait_seconds', 'Write a number of seconds from 1 to 3600.', 1, 3600],
  ['turn_limit_minutes', 'Write a number of minutes from 1 to 1440.', 1, 1440],
  ['silence_limit_minutes', 'Write a number of minutes from 1 to 1440.', 1, 1440],
];

function faultsOf(form: Form): FieldError[] {
  const faults: FieldError[] = [];
  for (const [field, message, from, to] of BOUNDS) {
    const number = form[field];
    if (typeof number !== 'number' || number < from || number > to) faults.push({ field, message });
  }
  if (form.workspace && !form.workspace.startsWith('/'))
    faults.push({ field: 'workspace', message: 'There is no such folder. Give its whole path, or leave it empty.' });
  if (Array.isArray(form.model_aliases))
    faults.push({
      field: 'model_aliases',
      message: 'One of the names leads to another model already. Leave one of them out.',
    });
  const lost = aliasesOf(form.model_aliases).find(({ alias, model }) => alias === '' || model === '');
  if (lost)
    faults.push({
      field: 'model_aliases',
      message: `${lost.alias}=${lost.model}: Write the alias and the model that it leads to.`,
    });
  if (!form.keys_needed && form.listen !== 'loopback')
    faults.push({ field: 'keys_needed', message: 'Without keys, the proxy may listen on this machine alone.' });
  return faults;
}
