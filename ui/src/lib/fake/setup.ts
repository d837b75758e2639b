/** The first start on the fake host. */

import type { Overview } from '../../bindings/Overview';
import type { SetupView } from '../../bindings/SetupView';
import type { Host } from '../host';

const COMMAND = 'npm install -g @openai/codex';

const SETUP: SetupView = {
  step: 'codex',
  checking: false,
  installCommand: COMMAND,
  installNote: null,
  install: null,
  wrongPath: null,
  firstApp: { state: 'waiting' },
};

const install = (now: number, error: string | null = null) => ({
  command: COMMAND,
  startedAt: now - 17_000,
  output: [
    'npm http fetch GET 200 https://registry.example/@openai%2fcodex 412ms (cache miss)',
    ...(error === null
      ? ['npm http fetch GET 200 https://registry.example/@openai/codex/-/codex-0.169.0.tgz 96ms (cache miss)']
      : ['npm error code ENOTFOUND', 'npm error network request to https://registry.example failed']),
  ],
  error,
});

/** Each state of the card, as scenarios. */
export const SETUP_SCENARIOS = {
  'setup-checking': () => ({ checking: true }),
  setup: () => ({}),
  'setup-no-npm': () => ({
    installCommand: null,
    installNote:
      'To install it from here, Codex Proxy needs npm, Homebrew or winget. Get npm with Node.js from nodejs.org, or install Codex by hand.',
  }),
  'setup-wrong-path': () => ({ wrongPath: '/nope/codex' }),
  'setup-installing': (now: number) => ({ install: install(now) }),
  'setup-install-failed': (now: number) => ({
    install: install(
      now,
      "The registry can't be reached. Check your connection. If your network needs a proxy, set it with `npm config set proxy http://HOST:PORT` or the variable HTTPS_PROXY, and try again.",
    ),
  }),
  'setup-account': () => ({ step: 'account' as const }),
  'setup-first-app': () => ({ step: 'firstApp' as const }),
  'setup-first-app-failed': () => ({
    step: 'firstApp' as const,
    firstApp: { state: 'failed' as const, client: 'Open WebUI', message: 'Unknown model gpt-4o-mini.' },
  }),
  'setup-done': () => ({
    step: 'done' as const,
    firstApp: { state: 'answered' as const, client: 'Open WebUI', ms: 412 },
  }),
} satisfies Record<string, (now: number) => Partial<SetupView>>;
export type SetupScenario = keyof typeof SETUP_SCENARIOS;

export function isSetupScenario(name: string): name is SetupScenario {
  return name in SETUP_SCENARIOS;
}

export function setupFor(scenario: SetupScenario, now: number): SetupView {
  return { ...SETUP, ...SETUP_SCENARIOS[scenario](now) };
}

/** The scenario of everything else. */
export function baseScenario(scenario: SetupScenario) {
  const { step } = { ...SETUP, ...SETUP_SCENARIOS[scenario](0) };
  return step === 'codex' ? 'codex-missing' : step === 'account' ? 'not-signed-in' : 'empty';
}

type SetupCommands = 'installCodex' | 'cancelInstall' | 'openInstructions' | 'skipSetup' | 'reopenSetup';

export function setupCommands(
  overview: () => Overview,
  update: (change: Partial<Overview>) => void,
  now: () => number,
): Pick<Host, SetupCommands> {
  const change = (setup: Partial<SetupView>) => update({ setup: { ...SETUP, ...overview().setup, ...setup } });
  return {
    installCodex: async () => change({ install: { ...install(now()), startedAt: now() } }),
    cancelInstall: async () => change({ install: null }),
    openInstructions: async () => {},
    skipSetup: async () => update({ setup: null }),
    reopenSetup: async () => change({ step: overview().codex.state === 'ready' ? 'firstApp' : 'codex' }),
  };
}
