/** The fake host's initial state in each scenario. */

import type { AccountView } from '../../bindings/AccountView';
import type { FixAction } from '../../bindings/FixAction';
import type { Health } from '../../bindings/Health';
import type { KeyLimitsForm } from '../../bindings/KeyLimitsForm';
import type { FolderModel } from '../../bindings/FolderModel';
import type { KeyRow } from '../../bindings/KeyRow';
import type { LimitsView } from '../../bindings/LimitsView';
import type { Overview } from '../../bindings/Overview';
import type { Settings } from '../../bindings/Settings';
import type { SettingsView } from '../../bindings/SettingsView';
import { NO_LIMITS } from '../key-limits';
import { baseScenario, isSetupScenario, SETUP_SCENARIOS, setupFor, type SetupScenario } from './setup';

export const SCENARIOS = [
  ...(Object.keys(SETUP_SCENARIOS) as SetupScenario[]),
  'running',
  'stopped',
  'port-taken',
  'checking',
  'codex-missing',
  'codex-path',
  'codex-broken',
  'no-git',
  'limit-near',
  'limit-reached',
  'not-signed-in',
  'older-codex',
  'no-keychain',
  'no-keyring',
  'keychain-locked',
  'no-tray',
  'lan',
  'empty',
  'starting',
  'damaged',
  'codex-variable',
  'key-rules',
  'loading',
  'broken',
] as const;
export type Scenario = (typeof SCENARIOS)[number];

const UNUSED = { expired: false, tokensToday: 0, recentRequests: 0 };

const DAMAGED =
  "Your settings couldn't be read, so defaults are in use. Your old file is kept as settings.json.broken-1.";
export const ACCOUNT: AccountView = {
  kind: 'chatGpt',
  name: 'me@example.com',
  email: 'me@example.com',
  plan: 'Plus',
  workspace: 'Personal',
};

const HOUR = 3600;
const DAY = 24 * HOUR;

export const RUNNING: Health = { level: 'ok', title: 'Running on port 8000', detail: '', until: null, fix: null };
export const STOPPED: Health = {
  ...RUNNING,
  level: 'off',
  title: 'Stopped',
  detail: "Apps can't connect until you start it.",
  fix: { action: 'startProxy', label: 'Start' },
};

function blocked(title: string, detail: string, action: FixAction, label: string): Health {
  return { level: 'blocked', title, detail, until: null, fix: { action, label } };
}

/** Limits with these percentages used of five hours and of the week. */
function limitsAt(seconds: number, [short, week]: [number, number]): LimitsView {
  const started = seconds - 100 * 60;
  const [resetsAt, weekResetsAt] = [started + 5 * HOUR, seconds + 3 * DAY];
  const paced = started + Math.round((100 * 60 * 100) / short);
  return {
    allowed: true,
    windows: [
      {
        label: '5 hours',
        minutes: 300,
        usedPercent: short,
        resetsAt,
        exhaustedAt: short < 100 && paced < resetsAt ? paced : null,
      },
      { label: 'Week', minutes: 10_080, usedPercent: week, resetsAt: weekResetsAt, exhaustedAt: null },
    ],
    reached: false,
    resetsAt: null,
  };
}

export function overviewFor(scenario: Scenario, now: number): Overview {
  if (isSetupScenario(scenario)) return { ...overviewFor(baseScenario(scenario), now), setup: setupFor(scenario, now) };
  const seconds = Math.floor(now / 1000);
  const overview: Overview = {
    health: RUNNING,
    proxy: { state: 'running', since: seconds - 2 * HOUR - 17 * 60 },
    baseUrl: 'http://127.0.0.1:8000/v1',
    baseUrls: ['http://127.0.0.1:8000/v1'],
    reachableBy: null,
    keysNeeded: true,
    codex: {
      state: 'ready',
      path: '/home/me/.local/bin/codex',
      version: '0.169.0',
      account: ACCOUNT,
      canAsk: true,
      canAskQuestions: true,
      canKeep: true,
      missing: null,
      message: null,
    },
    signIn: null,
    limits: limitsAt(seconds, [42, 38]),
    requestsToday: 128,
    runningNow: 0,
    answering: 0,
    waiting: 0,
    keychain: { state: 'available' },
    hasTray: true,
    startsAtLogin: true,
    version: '0.3.0',
    setup: null,
    home: '/home/me',
    approvals: [],
  };
  switch (scenario) {
    case 'stopped':
      return {
        ...overview,
        health: STOPPED,
        proxy: { state: 'stopped' },
        codex: { ...overview.codex, state: 'notStarted' },
      };
    case 'port-taken':
      return {
        ...overview,
        proxy: { state: 'portTaken', port: 8000, free: 8001 },
        codex: { ...overview.codex, state: 'notStarted' },
        requestsToday: 0,
        health: blocked(
          'Port 8000 is taken',
          'Another program uses it. Quit that program, or use port 8001: connected apps then need the new base URL.',
          'useFreePort',
          'Use port 8001',
        ),
      };
    case 'codex-missing':
      return {
        ...overview,
        limits: null,
        codex: {
          state: 'notFound',
          path: null,
          version: null,
          account: null,
          canAsk: null,
          canAskQuestions: null,
          canKeep: null,
          missing: null,
          message: "Codex isn't installed.",
        },
        health: blocked(
          "Codex isn't installed",
          'Codex Proxy needs the Codex command line tool. Install it, or choose the program if you have it.',
          'installCodex',
          'Install Codex…',
        ),
      };
    case 'not-signed-in':
      return {
        ...overview,
        limits: null,
        codex: { ...overview.codex, state: 'notSignedIn', account: null, message: 'Not signed in to Codex.' },
        health: blocked('Not signed in to Codex', 'Sign in with ChatGPT or with an API key.', 'signIn', 'Sign in…'),
      };
    case 'codex-path':
      return {
        ...overview,
        limits: null,
        codex: { ...overview.codex, state: 'notFound', path: null, version: null, account: null },
        health: blocked(
          "Can't use the chosen Codex",
          '/nope/codex does not exist. Choose another program, or have Codex found automatically.',
          'chooseCodex',
          'Choose file…',
        ),
      };
    case 'codex-broken':
      return {
        ...overview,
        limits: null,
        codex: { ...overview.codex, state: 'failed', account: null, message: "Codex couldn't start: exit code 1." },
        health: blocked(
          "Codex couldn't start",
          "Codex couldn't start: exit code 1. Run `codex` in a terminal to see why.",
          'recheckCodex',
          'Check again',
        ),
      };
    case 'checking':
      return {
        ...overview,
        limits: null,
        codex: { ...overview.codex, state: 'notStarted', path: null, version: null, account: null },
        health: { ...RUNNING, level: 'working', title: 'Checking Codex…' },
      };
    case 'limit-reached':
      return {
        ...overview,
        limits: { ...limitsAt(seconds, [100, 61]), allowed: false, reached: true, resetsAt: seconds + 2 * HOUR },
        health: {
          ...blocked(
            'Usage limit reached',
            'Your Codex account has no usage left at the moment.',
            'showLimits',
            'Show limits',
          ),
          until: seconds + 2 * HOUR,
        },
      };
    case 'limit-near':
      return { ...overview, limits: limitsAt(seconds, [86, 38]) };
    case 'damaged':
      return {
        ...overview,
        health: {
          level: 'attention',
          title: "A file couldn't be read",
          detail: DAMAGED,
          until: null,
          fix: { action: 'showFiles', label: 'Show files' },
        },
      };
    case 'older-codex':
      return {
        ...overview,
        codex: {
          ...overview.codex,
          version: '0.120.0',
          canAsk: true,
          canAskQuestions: true,
          canKeep: true,
          missing:
            'Codex 0.120.0 is old: earlier messages lose their roles. Update it with `npm install -g @openai/codex@latest`.',
        },
      };
    case 'no-keychain':
    case 'no-keyring':
      return {
        ...overview,
        keychain: {
          state: 'unavailable',
          message:
            scenario === 'no-keyring'
              ? 'No default keyring yet. Create one in Passwords and Keys, then try again. Keys work, but you can copy each one only once.'
              : 'No keychain found. Keys work, but you can copy each one only once. To copy them later, install gnome-keyring or KeePassXC and restart Codex Proxy.',
        },
      };
    case 'keychain-locked':
      return {
        ...overview,
        keychain: {
          state: 'unavailable',
          message: 'The keychain is locked. Unlock it to copy keys. Keys work without it.',
        },
      };
    case 'no-tray':
      return {
        ...overview,
        hasTray: false,
        reachableBy: 'Docker containers on this computer can connect too, at 172.17.0.1.',
      };
    case 'lan': {
      const baseUrls = ['192.168.1.20', '10.8.0.3', '127.0.0.1'].map((host) => `http://${host}:8000/v1`);
      return {
        ...overview,
        baseUrl: baseUrls[0] ?? '',
        baseUrls,
        reachableBy: `Anyone on your network with a key can connect at ${baseUrls[0]}.`,
      };
    }
    case 'empty':
      return {
        ...overview,
        requestsToday: 0,
        codex: { ...overview.codex, state: 'notStarted' },
        proxy: { state: 'running', since: seconds - 20 },
      };
    case 'starting':
      return {
        ...overview,
        health: { ...RUNNING, level: 'working', title: 'Starting Codex…' },
        codex: { ...overview.codex, state: 'starting', account: null, missing: null },
        proxy: { state: 'running', since: seconds },
      };
    default:
      return overview;
  }
}

/** Keys with every rule, some of which have stopped them. */
function ruledKeys(seconds: number): KeyRow[] {
  const key = (id: string, name: string, limits: Partial<KeyLimitsForm>, use: Partial<KeyRow> = {}): KeyRow => ({
    id,
    name,
    lastFour: `${id}xY`,
    created: seconds - 2 * DAY,
    lastUsed: seconds - 50,
    canCopy: true,
    notYetShown: false,
    limits: { ...NO_LIMITS, ...limits },
    ...UNUSED,
    ...use,
  });
  return [
    key(
      'k4',
      'Family tablet',
      {
        plainModelsOnly: true,
        models: 'gpt-5*, gpt-6-luna',
        expires: '2027-01-31',
        tokensPerDay: '50000',
        requestsPerMinute: '10',
        reservePercent: '80',
      },
      { tokensToday: 12_300, recentRequests: 3 },
    ),
    key(
      'k5',
      'Agent in a box',
      {
        sandbox: 'read-only',
        webSearch: false,
        noMcpServers: true,
        mayAsk: true,
        tokensPerDay: '200000',
        reservePercent: '30',
      },
      { tokensToday: 204_512 },
    ),
    key('k6', 'Workshop', { expires: '2026-10-31' }, { expired: true, lastUsed: null }),
  ];
}

export function keysFor(scenario: Scenario, now: number): KeyRow[] {
  const seconds = Math.floor(now / 1000);
  const canCopy = scenario !== 'no-keychain';
  const first: KeyRow = {
    id: 'k1',
    name: 'Default',
    lastFour: 'k7Fd',
    created: seconds - 20 * DAY,
    lastUsed: seconds - 12,
    canCopy,
    limits: NO_LIMITS,
    notYetShown: !canCopy,
    ...UNUSED,
  };
  if (scenario === 'empty') return [{ ...first, created: seconds - 60, lastUsed: null }];
  return [
    first,
    {
      id: 'k2',
      name: 'Work laptop',
      lastFour: '3fQ2',
      created: seconds - 3 * HOUR,
      lastUsed: null,
      canCopy,
      limits: NO_LIMITS,
      notYetShown: false,
      ...UNUSED,
    },
    {
      id: 'k3',
      name: 'Scripts',
      lastFour: '0pLx',
      created: seconds - 13 * DAY,
      lastUsed: seconds - 26 * HOUR,
      canCopy: false,
      limits: { ...NO_LIMITS, sandbox: 'read-only', workspace: '/home/me/projects/notes' },
      notYetShown: false,
      ...UNUSED,
    },
    ...(scenario === 'key-rules' ? ruledKeys(seconds) : []),
  ];
}

/** Folders that are models, as someone with several projects has them. */
export const SAMPLE_FOLDERS: readonly FolderModel[] = [
  {
    name: 'web-shop',
    folder: '/home/me/projects/web-shop',
    sandbox: 'workspace-write',
    ask: true,
    keep: true,
    instructions: 'Run the tests after each change.',
    keys: [],
  },
  { name: 'notes', folder: '/home/me/notes', sandbox: null, ask: null, keep: null, instructions: '', keys: ['k1'] },
  {
    name: 'home-server',
    folder: '/home/me/server',
    sandbox: 'danger-full-access',
    ask: null,
    keep: null,
    instructions: '',
    keys: ['k1', 'k2'],
  },
];

export function settingsFor(scenario: Scenario): SettingsView {
  const form: Settings = {
    codex_path: null,
    model: null,
    effort: null,
    sandbox: 'read-only',
    workspace: null,
    ask: false,
    ask_limit_minutes: 5,
    keep_chats: false,
    reasoning: 'reasoning_content',
    show_activity: true,
    model_aliases: {},
    folders: [],
    effort_models: false,
    task_model: true,
    fetch_images: true,
    max_turns: 8,
    max_waiting: 64,
    max_wait_seconds: 120,
    turn_limit_minutes: 60,
    silence_limit_minutes: 10,
    port: 8000,
    listen: 'loopback',
    keys_needed: true,
    allowed_origins: [],
    allowed_hosts: [],
    start_at_login: false,
    start_proxy: true,
    log_level: 'info',
    keep_days: 30,
    keep_texts: false,
    asked_about_background: null,
    setup_done: true,
    notify_limits: true,
    notify_asks: true,
    warn_at: [80, 95],
    usage_headers: true,
    undo: true,
    notify_sign_in: true,
    notify_codex: true,
    notify_changes: true,
    notify_closed: true,
  };
  const missing = scenario === 'codex-missing';
  return {
    form: scenario === 'damaged' ? form : { ...form, start_at_login: true },
    defaults: form,
    codexVariable: scenario === 'codex-variable' ? '/opt/tools/bin/codex' : null,
    drafts: '',
    codex: missing
      ? { path: null, version: null, error: "Codex isn't installed" }
      : { path: '/home/me/.local/bin/codex', version: '0.169.0', error: null },
    models: missing
      ? []
      : [
          { id: 'gpt-6.1-sol', name: 'GPT-6.1 Sol', efforts: ['low', 'medium', 'high', 'xhigh'] },
          { id: 'gpt-6-luna', name: 'GPT-6 Luna', efforts: ['minimal', 'low', 'medium'] },
          { id: 'gpt-5.5', name: 'GPT-5.5', efforts: ['low', 'medium', 'high'] },
        ],
    addresses: [
      { listen: 'loopback', addresses: ['127.0.0.1:8000'], available: true },
      { listen: 'dockerBridge', addresses: ['127.0.0.1:8000', '172.17.0.1:8000'], available: scenario !== 'empty' },
      { listen: 'everywhere', addresses: ['0.0.0.0:8000 (here: 192.168.1.20)'], available: true },
    ],
    notice: scenario === 'damaged' ? DAMAGED : null,
  };
}
