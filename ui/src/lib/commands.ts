/** The entries of the command menu. */

import type { KeyRow } from '../bindings/KeyRow';
import type { AppStore } from './app-store.svelte';
import { ownsPort } from './health';
import { PAGES } from './settings-pages';
import { keysOf, SHORTCUTS, type ShortcutId } from './shortcuts';

export interface Command {
  id: string;
  label: string;
  group: string;
  keys?: string;
  run: (app: AppStore) => unknown;
}

/** These are listed elsewhere, or make no sense from a list. */
const NOT_LISTED: readonly ShortcutId[] = ['commands', 'preferences', 'find', 'undo'];

export function commandsFor(app: AppStore, keys: readonly KeyRow[]): Command[] {
  const { overview } = app;
  const listed = SHORTCUTS.flatMap(({ id, label, group, run }) =>
    run === undefined || NOT_LISTED.includes(id) ? [] : [{ id, label, group, run, keys: keysOf(id) }],
  );
  const running = overview?.proxy.state === 'running';
  const others: Command[] = [
    ...(app.approvals.waiting.length === 0
      ? []
      : [{ id: 'approvals', label: 'Review what Codex asks', group: 'Do', run: () => app.approvals.show() }]),
    ...(overview === null || !ownsPort(overview)
      ? []
      : [
          {
            id: 'copyBaseUrl',
            label: 'Copy base URL',
            group: 'Do',
            run: () => app.copy('Base URL', () => app.host.copyText(overview.baseUrl)),
          },
        ]),
    ...keys
      .filter((key) => key.canCopy)
      .map((key) => ({
        id: `copyKey-${key.id}`,
        label: `Copy key ${key.name}`,
        group: 'Do',
        run: () => app.copySecret(() => app.host.copyKey(key.id)),
      })),
    {
      id: 'startStop',
      label: running ? 'Stop the proxy' : 'Start the proxy',
      group: 'Do',
      run: () => app.setProxyRunning(!running),
    },
    {
      id: 'recheckCodex',
      label: 'Check Codex again',
      group: 'Do',
      run: () => app.attempt(() => app.host.recheckCodex()),
    },
    ...accountCommands(app),
    ...(running
      ? [
          {
            id: 'openDocs',
            label: 'Open the API documentation',
            group: 'Do',
            run: () => app.attempt(() => app.host.openLink(overview.baseUrl.replace(/\/v1$/, '/docs'))),
          },
        ]
      : []),
  ];
  const pages = PAGES.map(({ id, label }) => ({
    id: `settings-${id}`,
    label: `Settings: ${label}`,
    group: 'Go to',
    run: () => app.navigate('settings', id),
  }));
  const groups = ['Do', 'Go to', 'Window'];
  return [...others, ...listed, ...pages].sort((a, b) => groups.indexOf(a.group) - groups.indexOf(b.group));
}

function accountCommands({ overview }: AppStore): Command[] {
  if (overview?.codex.state === 'notSignedIn') {
    const run = (app: AppStore) => {
      app.navigate('status');
      return app.attempt(() => app.host.signIn('browser'));
    };
    return [{ id: 'signIn', label: 'Sign in with ChatGPT', group: 'Do', run }];
  }
  const kind = overview?.codex.account?.kind;
  if (kind !== 'chatGpt' && kind !== 'apiKey') return [];
  return [
    { id: 'signOut', label: 'Sign out of Codex…', group: 'Do', run: (app) => app.navigate('status', 'sign-out') },
  ];
}

/** Those with every typed word, at the start of a word first. */
export function matching(commands: readonly Command[], typed: string): Command[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const text = (command: Command) => ` ${command.label.toLowerCase()}`;
  return commands
    .filter((command) => words.every((word) => text(command).includes(word)))
    .map((command) => ({ command, atStart: words.every((word) => text(command).includes(` ${word}`)) }))
    .sort((a, b) => Number(b.atStart) - Number(a.atStart))
    .map(({ command }) => command);
}
