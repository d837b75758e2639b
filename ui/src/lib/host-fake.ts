/**
 * A host with made-up data, for the browser and for tests.
 *
 * Tests leave `live` off, inspect `calls` and send events with `emit`.
 */

import type { ExchangeRow } from '../bindings/ExchangeRow';
import type { FieldError } from '../bindings/FieldError';
import type { FolderModel } from '../bindings/FolderModel';
import type { KeyLimitsForm } from '../bindings/KeyLimitsForm';
import type { KeyRow } from '../bindings/KeyRow';
import type { Overview } from '../bindings/Overview';
import type { Settings } from '../bindings/Settings';
import type { ViewError } from '../bindings/ViewError';
import { fakeAccount } from './fake/account';
import { approvalCommands, approvalsFor, healthOf, isAsks, type Asks } from './fake/approvals';
import { doctorChecks } from './fake/doctor';
import { playgroundCommands } from './fake/playground';
import { undoCoverage } from './fake/changes';
import { connectionCheck, pictureCheck, recipesFor } from './fake/recipes';
import {
  keysFor,
  overviewFor,
  RUNNING,
  SAMPLE_FOLDERS,
  SCENARIOS,
  settingsFor,
  STOPPED,
  type Scenario,
} from './fake/scenario';
import { pastRequests, requestCommands } from './fake/requests';
import { setupCommands } from './fake/setup';
import { planRequest, rowAfter, seededRandom, type PlannedRequest } from './fake/traffic';
import { validateForm } from './fake/validation';
import { plural } from './format';
import type { Host, HostEvents } from './host';
import type { Form } from './settings-form';

export interface FakeOptions {
  scenario?: Scenario;
  /** What Codex asks. */
  asks?: Asks;
  /** Number of past requests in the log. */
  history?: number;
  /** Requests arrive continuously, and answers take time. */
  live?: boolean;
  /** Folders that are models. */
  folders?: readonly FolderModel[];
  /** What the settings contained when the window closed. */
  drafts?: string;
  now?: () => number;
}

export interface FakeHost extends Host {
  /** Every call except `listen`, in order. */
  readonly calls: { name: string; args: unknown[] }[];
  emit<E extends keyof HostEvents>(event: E, payload: HostEvents[E]): void;
  /** Makes the next call of this name fail. */
  failNext(name: keyof Host, error: ViewError): void;
}

const SECRET = 'sk-codex-9Jq2hK0vXw4TtY7mZb1LrN5cAeP8sDgUfHiOkQyV3fQ';

export function fakeFromUrl(search: URLSearchParams): FakeHost {
  const scenario = SCENARIOS.find((name) => name === search.get('scenario')) ?? 'running';
  const asks = search.get('asks');
  return fakeHost({
    scenario,
    ...(isAsks(asks) ? { asks } : {}),
    ...(search.has('folders') ? { folders: SAMPLE_FOLDERS } : {}),
    history: Number(search.get('history') ?? 400),
    live: search.get('still') === null,
  });
}

export function fakeHost({
  scenario = 'running',
  asks,
  history = 40,
  live = false,
  folders = [],
  drafts = '',
  now = Date.now,
}: FakeOptions = {}): FakeHost {
  const handlers = new Map<keyof HostEvents, Set<(payload: never) => void>>();
  const failures = new Map<string, ViewError>();
  const calls: FakeHost['calls'] = [];
  const random = seededRandom(42);

  const approvals = approvalsFor(asks, now());
  let overview: Overview = {
    ...overviewFor(scenario, now()),
    approvals,
    ...(approvals.length > 0 ? { health: healthOf(approvals) } : {}),
  };
  let keys = keysFor(scenario, now());
  let settings = { ...settingsFor(scenario), drafts };
  settings.form.folders = [...folders];
  let stored = scenario === 'empty' ? 0 : 12;
  const running: PlannedRequest[] = [];

  const emit: FakeHost['emit'] = (event, payload) =>
    handlers.get(event)?.forEach((handler) => handler(payload as never));
  const log: Parameters<typeof requestCommands>[0] = {
    rows: scenario === 'empty' ? [] : pastRequests(history, now(), random),
    now,
    keepTexts: () => settings.form.keep_texts,
    live,
    emit,
    stop: (id) => {
      const index = running.findIndex((one) => one.row.id === id);
      if (index >= 0) running.splice(index, 1);
    },
  };
  const update = (change: Partial<Overview>) => {
    overview = { ...overview, ...change };
    emit('overview', overview);
  };
  const reject = (message: string, fields: FieldError[] = []): never => {
    throw { message, fields } satisfies ViewError;
  };
  const keyById = (id: string | null): KeyRow | undefined => keys.find((key) => key.id === id) ?? keys[0];
  const maskedKey = (id: string | null) => `sk-…${keyById(id)?.lastFour ?? 'none'}`;
  const dockerAllowed = () => settings.form.listen !== 'loopback';

  function validateLimits({ workspace, tokensPerDay }: KeyLimitsForm) {
    if (tokensPerDay !== '' && !(Number(tokensPerDay) > 0))
      reject('1 setting needs fixing', [
        { field: 'tokensPerDay', message: 'Enter a number of tokens, or leave it empty.' },
      ]);
    if (workspace === '' || workspace.startsWith('/home/me/projects')) return;
    reject('1 setting needs fixing', [
      {
        field: 'workspace',
        message: `${workspace} must be inside the folder from Settings, /home/me/projects.`,
      },
    ]);
  }

  function save(changes: Partial<Form>) {
    const errors = validateForm({ ...settings.form, ...changes });
    if (errors.length > 0) reject(plural(errors.length, 'setting needs', 'settings need') + ' fixing', errors);
    settings = { ...settings, form: { ...settings.form, ...(changes as Partial<Settings>) }, notice: null };
    const baseUrl = `http://127.0.0.1:${settings.form.port}/v1`;
    update({ keysNeeded: settings.form.keys_needed, baseUrl, baseUrls: [baseUrl] });
  }

  function updateRow(row: ExchangeRow) {
    log.rows = [row, ...log.rows.filter((other) => other.id !== row.id)].sort((a, b) => (a.id < b.id ? 1 : -1));
    emit('exchange', row);
  }

  const counts = (): Partial<Overview> => {
    const waiting = running.filter((one) => rowAfter(one, now() - one.row.at).waitMs === null).length;
    return { runningNow: running.length, answering: running.length - waiting, waiting };
  };

  function tick() {
    if (overview.proxy.state !== 'running' || overview.codex.state !== 'ready') return;
    if (running.length < 3 && Math.random() < 0.1) {
      running.push(planRequest(now(), log.rows.length, Math.random));
      update({ requestsToday: overview.requestsToday + 1, ...counts() });
    }
    for (const one of [...running]) {
      const row = rowAfter(one, now() - one.row.at);
      updateRow(row);
      if (row.totalMs !== null) {
        running.splice(running.indexOf(one), 1);
        update(counts());
      }
    }
  }

  if (live && scenario !== 'empty' && overview.codex.state === 'ready') {
    const quick = planRequest(now() - 1900, 1, seededRandom(3));
    running.push({
      ...quick,
      row: {
        ...quick.row,
        client: 'Python/3.11 aiohttp/3.14.5',
        app: 'Open WebUI',
        model: 'codex-local',
        key: 'Default',
        commands: 1,
        background: false,
      },
      totalMs: 9000,
      outcome: 'done',
    });
    running.push({
      ...planRequest(now() - 300, 2, seededRandom(9)),
      firstMs: 2600,
      waitMs: 0,
      totalMs: 6000,
      outcome: 'done',
    });
    if (overview.proxy.state === 'running') overview = { ...overview, ...counts() };
    tick();
    setInterval(tick, 220);
  }

  const host: Host = {
    overview: async () =>
      scenario === 'loading'
        ? new Promise(() => {})
        : scenario === 'broken'
          ? reject("Codex Proxy didn't respond.")
          : overview,
    startProxy: async () => update({ proxy: { state: 'running', since: Math.floor(now() / 1000) }, health: RUNNING }),
    stopProxy: async () =>
      update({ health: STOPPED, proxy: { state: 'stopped' }, runningNow: 0, answering: 0, waiting: 0 }),
    useFreePort: async () =>
      update({
        proxy: { state: 'running', since: Math.floor(now() / 1000) },
        baseUrl: 'http://127.0.0.1:8001/v1',
        health: RUNNING,
        baseUrls: ['http://127.0.0.1:8001/v1'],
      }),
    refreshLimits: async () => {},
    recheckCodex: async () => update({ codex: overviewFor('running', now()).codex, health: RUNNING }),
    ...fakeAccount(() => overview, update, live),

    ...setupCommands(() => overview, update, now),

    ...approvalCommands(() => overview, update, reject, scenario !== 'empty'),

    keys: async () => keys,
    createKey: async (name, limits) => {
      if (name.trim() === '') reject('Enter a name.', [{ field: 'name', message: 'Enter a name.' }]);
      if (keys.some((key) => key.name === name.trim())) reject(`A key named '${name.trim()}' already exists.`);
      validateLimits(limits);
      const row = {
        id: `k${keys.length + 7}`,
        name: name.trim(),
        lastFour: 'V3fQ',
        created: Math.floor(now() / 1000),
        lastUsed: null,
        canCopy: overview.keychain.state === 'available',
        limits,
        notYetShown: false,
        expired: false,
        tokensToday: 0,
        recentRequests: 0,
      };
      keys = [row, ...keys];
      emit('keys', null);
      return { row, secret: SECRET };
    },
    renameKey: async (id, name) => {
      if (keys.some((key) => key.name === name && key.id !== id)) reject(`A key named '${name}' already exists.`);
      keys = keys.map((key) => (key.id === id ? { ...key, name } : key));
      emit('keys', null);
    },
    limitKey: async (id, limits) => {
      validateLimits(limits);
      keys = keys.map((key) => (key.id === id ? { ...key, limits } : key));
      emit('keys', null);
    },
    copyKey: async () => {},
    showKey: async (id) => {
      const row = keys.find((key) => key.id === id && key.notYetShown);
      if (row === undefined)
        return reject("This key isn't in the keychain, so it can't be shown again. Create a new one.");
      keys = keys.map((key) => ({ ...key, notYetShown: false }));
      emit('keys', null);
      return { row: { ...row, notYetShown: false }, secret: SECRET };
    },
    revokeKey: async (id) => {
      const inKeychain = keys.some((key) => key.id === id && key.canCopy);
      keys = keys.filter((key) => key.id !== id);
      emit('keys', null);
      return scenario === 'keychain-locked' && inKeychain
        ? 'The key no longer works. Its secret is still in the keychain and can be removed there.'
        : null;
    },

    recipes: async (keyId, url) => recipesFor(url ?? overview.baseUrl, maskedKey(keyId), dockerAllowed()),
    copyPiece: async () => {},
    copyBoth: async () => {},
    installedApps: async () => (scenario === 'empty' ? [] : ['openWebUi', 'zed', 'vscode', 'curl', 'python']),
    listenOnDockerBridge: async () => {
      settings = { ...settings, form: { ...settings.form, listen: 'dockerBridge' } };
      update({ reachableBy: 'Docker containers on this computer can connect too, at 172.17.0.1.' });
    },
    checkConnection: async (recipeId, _, onStep) => {
      const inDocker = recipeId === 'openWebUiDocker';
      for (const step of connectionCheck(overview.proxy.state === 'running', inDocker, dockerAllowed())) {
        if (live) await new Promise((done) => setTimeout(done, 250));
        onStep(step);
      }
    },

    checkPicture: async () => pictureCheck(overview.proxy.state === 'running'),

    settings: async () => settings,
    setSetting: async (name, value) => save({ [name]: value }),
    setSettings: async (changes) => save(changes),
    keepSettingDrafts: async (drafts) => void (settings = { ...settings, drafts }),
    dismissNotice: async () => {
      settings = { ...settings, notice: null };
      if (overview.health.fix?.action === 'showFiles') update({ health: RUNNING });
    },
    storedAnswers: async () => {
      const kept = settings.form.keep_texts ? stored : 0;
      return { onDisk: { answers: kept, bytes: kept * 28_400 }, inMemory: Math.min(stored, 256) };
    },
    forgetStoredAnswers: async () => void (stored = 0),
    recheckKeychain: async () => update({ keychain: { state: 'available' } }),
    showFile: async () => {},
    checkCodex: async (path) =>
      path === '' || path.endsWith('codex')
        ? { path: path || '/home/me/.local/bin/codex', version: '0.169.0', error: null }
        : { path, version: null, error: "This isn't Codex: it doesn't support --version." },
    pickCodex: async () => '/opt/codex/bin/codex',
    pickFolder: async () => '/home/me/projects',
    undoCoverage: async () => undoCoverage(scenario, settings.form),

    ...requestCommands(log),

    ...playgroundCommands(live, () => overview.proxy.state === 'running'),

    doctor: async () => {
      if (live) await new Promise((done) => setTimeout(done, 900));
      return doctorChecks(overview);
    },
    copyText: async () => {},
    copyShownKey: async () => {},
    openLogFolder: async () => {},
    openDataFolder: async () => {},
    copyDiagnostics: async () => {},
    closeWindow: async () => {},
    showWindow: async () => {},
    quit: async () => {},
    answerClose: async () => {},

    listen: async (event, handler) => {
      const eventHandlers = handlers.get(event) ?? new Set();
      handlers.set(event, eventHandlers.add(handler as (payload: never) => void));
      return () => eventHandlers.delete(handler as (payload: never) => void);
    },
  };

  const recorded = new Proxy(host, {
    get: (target, name: keyof Host) => {
      const call = target[name] as ((...args: unknown[]) => unknown) | undefined;
      if (call === undefined) return undefined;
      return (...args: unknown[]) => {
        if (name !== 'listen') calls.push({ name, args });
        const failure = failures.get(name);
        if (failure === undefined) return call(...args);
        failures.delete(name);
        return Promise.reject(failure);
      };
    },
  });
  return Object.assign(Object.create(recorded) as Host, {
    calls,
    emit,
    failNext: (name: keyof Host, error: ViewError) => void failures.set(name, error),
  });
}
