/**
 * The interface between the window and the app: commands and events.
 *
 * `host-tauri.ts` implements it on top of Rust, `host-fake.ts` for the browser and for tests. A failed call rejects with a
 * `ViewError`.
 */

import type { AccountChoice } from '../bindings/AccountChoice';
import type { ApprovalAnswer } from '../bindings/ApprovalAnswer';
import type { ApprovalRule } from '../bindings/ApprovalRule';
import type { Chart } from '../bindings/Chart';
import type { ChartRange } from '../bindings/ChartRange';
import type { ChartStack } from '../bindings/ChartStack';
import type { ChatRequest } from '../bindings/ChatRequest';
import type { CheckStep } from '../bindings/CheckStep';
import type { PictureCheck } from '../bindings/PictureCheck';
import type { CodeLanguage } from '../bindings/CodeLanguage';
import type { CodexCheck } from '../bindings/CodexCheck';
import type { ExchangeCounts } from '../bindings/ExchangeCounts';
import type { DoctorCheck } from '../bindings/DoctorCheck';
import type { ExchangeDetail } from '../bindings/ExchangeDetail';
import type { ExchangeQuery } from '../bindings/ExchangeQuery';
import type { ExchangeRow } from '../bindings/ExchangeRow';
import type { ExportFormat } from '../bindings/ExportFormat';
import type { KeyLimitsForm } from '../bindings/KeyLimitsForm';
import type { KeyRow } from '../bindings/KeyRow';
import type { NewKey } from '../bindings/NewKey';
import type { Overview } from '../bindings/Overview';
import type { PlaygroundEvent } from '../bindings/PlaygroundEvent';
import type { Recipe } from '../bindings/Recipe';
import type { SettingsView } from '../bindings/SettingsView';
import type { SignInChoice } from '../bindings/SignInChoice';
import type { StoredAnswers } from '../bindings/StoredAnswers';
import type { Today } from '../bindings/Today';
import type { UndoCoverage } from '../bindings/UndoCoverage';
import type { UndoReport } from '../bindings/UndoReport';
import type { FieldName, Form } from './settings-form';

/** In the order of the sidebar. */
export const VIEWS = ['status', 'playground', 'connect', 'requests', 'keys', 'settings', 'help'] as const;
export type View = (typeof VIEWS)[number];

export const VIEW_LABELS: Record<View, string> = {
  status: 'Status',
  playground: 'Playground',
  connect: 'Connect',
  requests: 'Requests',
  keys: 'Keys',
  settings: 'Settings',
  help: 'Help',
};

export function isView(name: unknown): name is View {
  return VIEWS.some((view) => view === name);
}

/** Events from the app, with their payloads. */
export interface HostEvents {
  overview: Overview;
  /** A key was created, changed, revoked or used; reload the list. */
  keys: null;
  /** A request arrived or progressed; the row replaces the one with the same id. */
  exchange: ExchangeRow;
  exchanges_cleared: null;
  /** Open this view, a part of it as in `settings/network`, or `approvals`, on behalf of the tray or a notification. */
  navigate: string;
  /** The window is being closed and there is no tray; ask whether to keep running in the background. */
  close_asked: null;
  /** Whether something is dragged over the window. */
  drag: boolean;
  /** The folder that was dropped on the window; `null` if it was none. */
  folder_dropped: string | null;
}

/** Ends a subscription. */
export type Stop = () => void;

type Call = (...values: never[]) => Promise<unknown>;
type ParameterNames<V extends unknown[]> = { [P in keyof V]: string };

/** A command with its parameter names in Rust. `call` exists only for its type. */
interface Command<C extends Call> {
  readonly parameters: readonly string[];
  readonly call?: C;
}

function command<C extends Call>(...parameters: ParameterNames<Parameters<C>>): Command<C> {
  return { parameters };
}

/** Every command of the app. In Rust it has the same name in snake case. */
export const COMMANDS = {
  overview: command<() => Promise<Overview>>(),
  startProxy: command<() => Promise<void>>(),
  stopProxy: command<() => Promise<void>>(),
  useFreePort: command<() => Promise<void>>(),
  recheckCodex: command<() => Promise<void>>(),
  /** Reads the usage limits again. The overview shows the outcome. */
  refreshLimits: command<() => Promise<void>>(),

  /** The first answer counts. Rejects when the question waits no longer. */
  answerApproval: command<(id: string, answer: ApprovalAnswer) => Promise<void>>('id', 'answer'),
  approvalRules: command<() => Promise<ApprovalRule[]>>(),
  forgetApprovalRule: command<(id: string) => Promise<void>>('id'),

  /** Resolves at once; the overview shows what happens. Opens the browser for `browser`. */
  signIn: command<(method: SignInChoice) => Promise<void>>('method'),
  /** Opens the page of the sign-in that is under way. */
  openSignInPage: command<() => Promise<void>>(),
  /** The key goes to codex and is kept nowhere else. */
  signInWithApiKey: command<(key: string) => Promise<void>>('key'),
  /** Also dismisses the outcome of one that failed. */
  cancelSignIn: command<() => Promise<void>>(),
  signOut: command<() => Promise<void>>(),
  accounts: command<() => Promise<AccountChoice[]>>(),
  switchAccount: command<(id: string) => Promise<void>>('id'),

  /** Returns at once; the overview shows the progress. */
  installCodex: command<() => Promise<void>>(),
  /** Ends the running installation, or forgets one that failed. */
  cancelInstall: command<() => Promise<void>>(),
  /** Opens Codex's own page about its installation in the browser. */
  openInstructions: command<() => Promise<void>>(),
  /** Finishes or skips the first start. */
  skipSetup: command<() => Promise<void>>(),
  reopenSetup: command<() => Promise<void>>(),
  /** Copies the address and a key as this app wants them; `null` for any app. */

  keys: command<() => Promise<KeyRow[]>>(),
  createKey: command<(name: string, limits: KeyLimitsForm) => Promise<NewKey>>('name', 'limits'),
  /** Applies from the next request on. Earlier requests keep the earlier name. */
  renameKey: command<(id: string, name: string) => Promise<void>>('id', 'name'),
  /** Applies from the next request on. */
  limitKey: command<(id: string, limits: KeyLimitsForm) => Promise<void>>('id', 'limits'),
  /** Copies the key to the clipboard; the secret never enters the window. */
  copyKey: command<(id: string) => Promise<void>>('id'),
  /** Reveals the automatically created key when there is no keychain. Works only once. */
  showKey: command<(id: string) => Promise<NewKey>>('id'),
  /** Returns a message when the user has to clean something up by hand. */
  revokeKey: command<(id: string) => Promise<string | null>>('id'),

  /** `url` is one of `Overview.baseUrls`; the first of them by default. */
  recipes: command<(keyId: string | null, url: string | null) => Promise<Recipe[]>>('keyId', 'url'),
  /** Copies a piece of a recipe to the clipboard, with the real key filled in. */
  copyPiece: command<(recipeId: string, index: number, keyId: string | null, url: string | null) => Promise<void>>(
    'recipeId',
    'index',
    'keyId',
    'url',
  ),
  /** Copies the base URL and the key in one, as variables; those of a recipe, or the usual ones. */
  copyBoth: command<(recipeId: string | null, keyId: string | null, url: string | null) => Promise<void>>(
    'recipeId',
    'keyId',
    'url',
  ),
  /** The ids of the recipes whose apps are on this computer. */
  installedApps: command<() => Promise<string[]>>(),
  listenOnDockerBridge: command<() => Promise<void>>(),
  /** Resolves when all steps are done; each arrives as an event. */
  checkConnection: command<
    (recipeId: string, keyId: string | null, onStep: (step: CheckStep) => void) => Promise<void>
  >('recipeId', 'keyId', 'steps'),
  /** Costs a picture of the account's limit. */
  checkPicture: command<(keyId: string | null) => Promise<PictureCheck>>('keyId'),

  settings: command<() => Promise<SettingsView>>(),
  setSetting: command<<F extends FieldName>(name: F, value: Form[F]) => Promise<void>>('name', 'value'),
  /** Saves all changes or none; the error names the invalid fields. */
  setSettings: command<(changes: Partial<Form>) => Promise<void>>('changes'),
  /** Keeps what is typed but not applied while the window is closed. */
  keepSettingDrafts: command<(drafts: string) => Promise<void>>('drafts'),
  /** Hides the notice about damaged files. */
  dismissNotice: command<() => Promise<void>>(),
  recheckKeychain: command<() => Promise<void>>(),
  /** How many answers that apps asked to keep there are. */
  storedAnswers: command<() => Promise<StoredAnswers>>(),
  /** Deletes them, on disk and in memory. */
  forgetStoredAnswers: command<() => Promise<void>>(),
  /** Opens the folder of a file, or a folder. */
  showFile: command<(path: string) => Promise<void>>('path'),
  checkCodex: command<(path: string) => Promise<CodexCheck>>('path'),
  pickCodex: command<() => Promise<string | null>>(),
  pickFolder: command<() => Promise<string | null>>(),

  /** Newest first. */
  exchanges: command<(query: ExchangeQuery) => Promise<ExchangeRow[]>>('query'),
  exchangeDetail: command<(id: string) => Promise<ExchangeDetail>>('id'),
  /** How many requests match; `before` and `limit` do not count. */
  exchangeCounts: command<(query: ExchangeQuery) => Promise<ExchangeCounts>>('query'),
  /** Stops a request that runs or waits. */
  stopExchange: command<(id: string) => Promise<void>>('id'),
  /** Hides all ended requests; they are deleted ten seconds later. */
  clearExchanges: command<() => Promise<void>>(),
  undoClear: command<() => Promise<void>>(),
  /** Asks for a file. Resolves with the number of requests, or `null` if none was chosen. */
  exportExchanges: command<(query: ExchangeQuery, format: ExportFormat) => Promise<number | null>>('query', 'format'),
  /** Asks for a file. Resolves with whether one was chosen. */
  savePicture: command<(id: string, index: number) => Promise<boolean>>('id', 'index'),
  copyAsCurl: command<(id: string) => Promise<void>>('id'),
  copyResumeCommand: command<(id: string) => Promise<void>>('id'),
  /** Puts back what changed in the folder while the request ran. */
  undoChanges: command<(id: string) => Promise<UndoReport>>('id'),
  /** Takes back an undo. */
  redoChanges: command<(id: string) => Promise<UndoReport>>('id'),
  /** Whether changes in the working folder can be undone; `null` if Codex may change nothing, or Undo is off. */
  undoCoverage: command<() => Promise<UndoCoverage | null>>(),
  /** Resolves at once; the request's details show the progress. */
  reviewChanges: command<(id: string) => Promise<void>>('id'),
  cancelReview: command<(id: string) => Promise<void>>('id'),
  /** Without a range, the one that fits the data. */
  chart: command<(range: ChartRange | null, stack: ChartStack | null) => Promise<Chart>>('range', 'stack'),
  /** Without the window's own requests. */
  today: command<() => Promise<Today>>(),

  /** Resolves when the answer ends; progress arrives as events. */
  sendPrompt: command<(request: ChatRequest, onEvent: (event: PlaygroundEvent) => void) => Promise<void>>(
    'request',
    'events',
  ),
  stopPrompt: command<() => Promise<void>>(),
  /** Copies a conversation as code, with a real key filled in. */
  copyConversation: command<(language: CodeLanguage, request: ChatRequest) => Promise<void>>('language', 'request'),
  /** What was last given to `keepConversations`, which holds it in memory until the app quits. */
  conversations: command<() => Promise<string>>(),
  keepConversations: command<(conversations: string) => Promise<void>>('conversations'),
  /** Opens a web or mail address in the system's program for it. */
  openLink: command<(url: string) => Promise<void>>('url'),

  /** Runs every check. Starts Codex for a moment, and sends no prompt. */
  doctor: command<() => Promise<DoctorCheck[]>>(),
  copyText: command<(text: string) => Promise<void>>('text'),
  /** Copies a key that the window shows. Clipboard managers do not keep it, and it is removed after 90 seconds. */
  copyShownKey: command<(secret: string) => Promise<void>>('secret'),
  openLogFolder: command<() => Promise<void>>(),
  openDataFolder: command<() => Promise<void>>(),
  /** Copies versions, settings and the last errors to the clipboard. Contains no keys, prompts or answers. */
  copyDiagnostics: command<() => Promise<void>>(),
  /** Like the window's own close button. */
  closeWindow: command<() => Promise<void>>(),
  /** Shows the window, which is hidden until its first view is drawn. */
  showWindow: command<() => Promise<void>>(),
  quit: command<() => Promise<void>>(),
  /** The answer to `close_asked`. */
  answerClose: command<(keepRunning: boolean) => Promise<void>>('keepRunning'),
};

type Commands = { [N in keyof typeof COMMANDS]: (typeof COMMANDS)[N] extends Command<infer C> ? C : never };

export interface Host extends Commands {
  /** Resolves once the subscription is active; data loaded afterwards is never older than the events. */
  listen<E extends keyof HostEvents>(event: E, handler: (payload: HostEvents[E]) => void): Promise<Stop>;
}
