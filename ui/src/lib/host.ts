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
import type { FieldName, Form } from './form';

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

export interface Host {
  overview(): Promise<Overview>;
  startProxy(): Promise<void>;
  stopProxy(): Promise<void>;
  useFreePort(): Promise<void>;
  lookAgain(): Promise<void>;

  keys(): Promise<KeyRow[]>;
  createKey(name: string, limits: KeyLimitsForm): Promise<NewKey>;
  /** Counts from the next request on. */
  limitKey(id: string, limits: KeyLimitsForm): Promise<void>;
  /** Puts the key on the clipboard; its secret never comes into the window. */
  copyKey(id: string): Promise<void>;
  /** Shows the key that was made by itself and that no keychain has; a second time it is refused. */
  showKey(id: string): Promise<NewKey>;
  /** Gives a sentence when something is left to be done by hand. */
  revokeKey(id: string): Promise<string | null>;

  recipes(keyId: string | null): Promise<Recipe[]>;
  /** Puts a piece of a recipe on the clipboard, with the real key filled in. */
  copyPiece(recipeId: string, index: number, keyId: string | null): Promise<void>;
  listenOnDockerBridge(): Promise<void>;
  checkConnection(): Promise<CheckStep[]>;

  settings(): Promise<SettingsView>;
  setSetting<F extends FieldName>(name: F, value: Form[F]): Promise<Applied>;
  /** Saves all of the changes or nothing; a refusal names the fields. */
  setSettings(changes: Partial<Form>): Promise<Applied>;
  checkCodex(path: string): Promise<CodexCheck>;
  pickCodex(): Promise<string | null>;
  pickFolder(): Promise<string | null>;

  /** Newest first. */
  exchanges(query: ExchangeQuery): Promise<ExchangeRow[]>;
  exchangeDetail(id: string): Promise<ExchangeDetail>;
  clearExchanges(): Promise<void>;
  copyAsCurl(id: string): Promise<void>;
  chart(by: ChartBy): Promise<ChartBar[]>;

  /** Ends when the answer does; what happens meanwhile comes as events. */
  sendTestPrompt(prompt: string, onEvent: (event: TestPromptEvent) => void): Promise<void>;
  stopTestPrompt(): Promise<void>;

  copyText(text: string): Promise<void>;
  openLogFolder(): Promise<void>;
  /** Puts versions, settings and the last errors on the clipboard: no key, and no word of a conversation. */
  copyDiagnostics(): Promise<void>;
  quit(): Promise<void>;
  /** The answer to `close_asked`. */
  answerClose(keepRunning: boolean): Promise<void>;

  /** Resolves once events arrive, so that what is asked for afterwards is never older than the events. */
  listen<E extends keyof HostEvents>(event: E, heard: (payload: HostEvents[E]) => void): Promise<Stop>;
}
