/**
 * What the window may ask of the app, and what the app tells it.
 *
 * `host-tauri.ts` carries this to the Rust side, and `host-fake.ts` stands in for it in a browser and in tests. Nothing else in
 * the window knows which of the two it speaks with. A call that is refused rejects with a `ViewError`.
 */

import type { Applied } from '../bindings/Applied';
import type { ChartBar } from '../bindings/ChartBar';
import type { ChartBy } from '../bindings/ChartBy';
import type { CheckStep } from '../bindings/CheckStep';
import type { CodexCheck } from '../bindings/CodexCheck';
import type { ExchangeDetail } from '../bindings/ExchangeDetail';
import type { ExchangeQuery } from '../bindings/ExchangeQuery';
import type { ExchangeRow } from '../bindings/ExchangeRow';
import type { KeyLimitsForm } from '../bindings/KeyLimitsForm';
import type { KeyRow } from '../bindings/KeyRow';
import type { NewKey } from '../bindings/NewKey';
import type { Overview } from '../bindings/Overview';
import type { Recipe } from '../bindings/Recipe';
import type { SettingsView } from '../bindings/SettingsView';
import type { TestPromptEvent } from '../bindings/TestPromptEvent';
import type { FieldName, Form } from './settings-form';

/** The views of the window, in the order in which they stand. */
export const VIEWS = ['status', 'connect', 'requests', 'keys', 'settings'] as const;
export type View = (typeof VIEWS)[number];

export function isView(name: unknown): name is View {
  return VIEWS.some((view) => view === name);
}

/** What the app tells the window without being asked, with what each event carries. */
export interface HostEvents {
  /** Anything in the overview changed. */
  overview: Overview;
  /** A key was made, revoked or used: ask for the list again. */
  keys: null;
  /** A request arrived or went on; the row replaces the one of the same id. */
  exchange: ExchangeRow;
  /** The log was emptied. */
  exchanges_cleared: null;
  /** Show this view; the tray asks for it. */
  navigate: View;
  /** Somebody closes the window where there is no tray: ask whether to go on in the background. */
  close_asked: null;
}

/** Ends what it was given for. */
export type Stop = () => void;

type Call = (...values: never[]) => Promise<unknown>;
type Names<V extends unknown[]> = { [P in keyof V]: string };

/** How the app names what a command is given; `call` is there for its type alone. */
interface Command<C extends Call> {
  readonly parameters: readonly string[];
  readonly call?: C;
}

function command<C extends Call>(...parameters: Names<Parameters<C>>): Command<C> {
  return { parameters };
}

/** Every command of the app. In Rust it has the same name in snake case, and the parameters that are named here. */
export const COMMANDS = {
  overview: command<() => Promise<Overview>>(),
  startProxy: command<() => Promise<void>>(),
  stopProxy: command<() => Promise<void>>(),
  useFreePort: command<() => Promise<void>>(),
  lookAgain: command<() => Promise<void>>(),

  keys: command<() => Promise<KeyRow[]>>(),
  createKey: command<(name: string, limits: KeyLimitsForm) => Promise<NewKey>>('name', 'limits'),
  /** Counts from the next request on. */
  limitKey: command<(id: string, limits: KeyLimitsForm) => Promise<void>>('id', 'limits'),
  /** Puts the key on the clipboard; its secret never comes into the window. */
  copyKey: command<(id: string) => Promise<void>>('id'),
  /** Shows the key that was made by itself and that no keychain has; a second time it is refused. */
  showKey: command<(id: string) => Promise<NewKey>>('id'),
  /** Gives a sentence when something is left to be done by hand. */
  revokeKey: command<(id: string) => Promise<string | null>>('id'),

  recipes: command<(keyId: string | null) => Promise<Recipe[]>>('keyId'),
  /** Puts a piece of a recipe on the clipboard, with the real key filled in. */
  copyPiece: command<(recipeId: string, index: number, keyId: string | null) => Promise<void>>(
    'recipeId',
    'index',
    'keyId',
  ),
  listenOnDockerBridge: command<() => Promise<void>>(),
  checkConnection: command<() => Promise<CheckStep[]>>(),

  settings: command<() => Promise<SettingsView>>(),
  setSetting: command<<F extends FieldName>(name: F, value: Form[F]) => Promise<Applied>>('name', 'value'),
  /** Saves all of the changes or nothing; a refusal names the fields. */
  setSettings: command<(changes: Partial<Form>) => Promise<Applied>>('changes'),
  checkCodex: command<(path: string) => Promise<CodexCheck>>('path'),
  pickCodex: command<() => Promise<string | null>>(),
  pickFolder: command<() => Promise<string | null>>(),

  /** Newest first. */
  exchanges: command<(query: ExchangeQuery) => Promise<ExchangeRow[]>>('query'),
  exchangeDetail: command<(id: string) => Promise<ExchangeDetail>>('id'),
  clearExchanges: command<() => Promise<void>>(),
  copyAsCurl: command<(id: string) => Promise<void>>('id'),
  chart: command<(by: ChartBy) => Promise<ChartBar[]>>('by'),

  /** Ends when the answer does; what happens meanwhile comes as events. */
  sendTestPrompt: command<(prompt: string, onEvent: (event: TestPromptEvent) => void) => Promise<void>>(
    'prompt',
    'events',
  ),
  stopTestPrompt: command<() => Promise<void>>(),

  copyText: command<(text: string) => Promise<void>>('text'),
  openLogFolder: command<() => Promise<void>>(),
  /** Puts versions, settings and the last errors on the clipboard: no key, and no word of a conversation. */
  copyDiagnostics: command<() => Promise<void>>(),
  quit: command<() => Promise<void>>(),
  /** The answer to `close_asked`. */
  answerClose: command<(keepRunning: boolean) => Promise<void>>('keepRunning'),
};

type Commands = { [N in keyof typeof COMMANDS]: (typeof COMMANDS)[N] extends Command<infer C> ? C : never };

export interface Host extends Commands {
  /** Resolves once events arrive, so that what is asked for afterwards is never older than the events. */
  listen<E extends keyof HostEvents>(event: E, heard: (payload: HostEvents[E]) => void): Promise<Stop>;
}
