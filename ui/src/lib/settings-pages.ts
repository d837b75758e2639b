/** Where each setting is, and the words that find it. */

import type { FieldName } from './settings-form';

export const PAGES = [
  { id: 'general', label: 'General' },
  { id: 'codex', label: 'Codex' },
  { id: 'models', label: 'Models' },
  { id: 'folders', label: 'Folders' },
  { id: 'network', label: 'Network' },
  { id: 'limits', label: 'Limits' },
  { id: 'privacy', label: 'Privacy' },
  { id: 'about', label: 'About' },
] as const;
export type Page = (typeof PAGES)[number]['id'];

export const isPage = (name: unknown): name is Page => PAGES.some(({ id }) => id === name);

export interface SettingInfo {
  page: Page;
  label: string;
  hint?: string;
  /** Further words to find it by. */
  words?: string;
  /** Folded under Advanced. */
  advanced?: true;
}

/** Rows that are no setting. */
type OtherRow =
  | 'approval_rules'
  | 'stored_answers'
  | 'log_folder'
  | 'first_start'
  | 'versions'
  | 'links'
  | 'licences'
  | 'diagnostics';
export type RowName = FieldName | OtherRow;

export const ROWS: Record<RowName, SettingInfo> = {
  start_at_login: { page: 'general', label: 'Login', words: 'Start at login, autostart' },
  start_proxy: { page: 'general', label: 'Proxy', words: 'Start the proxy when the app opens' },
  asked_about_background: {
    page: 'general',
    label: 'Closing the window',
    hint: 'Your desktop shows no tray icon, so start Codex Proxy again to reopen the window.',
    words: 'Keep running in the background, quit, ask',
  },
  notify_limits: { page: 'general', label: 'Usage limits', words: 'Notifications: a limit is nearly or fully used' },
  notify_asks: {
    page: 'general',
    label: 'Approvals',
    words: 'Notifications: Codex asks for approval, a question waits',
  },
  notify_sign_in: { page: 'general', label: 'Sign-in', words: 'Notifications: Codex is signed out' },
  notify_codex: { page: 'general', label: 'Codex problems', words: "Notifications: Codex is gone or can't start" },
  notify_changes: { page: 'general', label: 'Changed files', words: 'Notifications: an answer changed files, undo' },
  notify_closed: {
    page: 'general',
    label: 'First close',
    words: 'Notifications: the window is closed and the app stays in the tray',
  },

  codex_path: {
    page: 'codex',
    label: 'Codex program',
    hint: 'Leave empty to search your PATH and the usual folders.',
    words: 'path, binary, version, CODEX_PATH',
  },
  sandbox: {
    page: 'codex',
    label: 'Permissions',
    words: 'sandbox, read only, write in the working folder, full access',
  },
  workspace: {
    page: 'codex',
    label: 'Working folder',
    hint: 'Codex works here when an app asks for codex-local. Leave empty to use an empty folder managed by the app.',
    words: 'workspace, directory',
  },
  ask: {
    page: 'codex',
    label: 'Ask me',
    words: 'approvals, Ask before leaving the sandbox, approve, permission, questions',
  },
  ask_limit_minutes: {
    page: 'codex',
    label: 'Deny after',
    hint: 'A question that is not answered by then is denied.',
    words: 'approval timeout, minutes',
  },
  approval_rules: {
    page: 'codex',
    label: 'Allowed from now on',
    words: 'approval rules, remembered commands, always allow',
  },
  keep_chats: {
    page: 'codex',
    label: 'Chats',
    words: 'Keep chats in Codex, history, sessions, resume, continue in the terminal',
  },
  undo: {
    page: 'codex',
    label: 'Undo',
    hint: 'Before an answer that may change files, the working folder is saved in the data folder. Needs git.',
    words: 'Keep snapshots so changes can be undone, restore, git',
  },

  model: {
    page: 'models',
    label: 'Model for codex-local',
    hint: 'Used when an app asks for codex-local. Other models keep their names.',
  },
  effort: {
    page: 'models',
    label: 'Effort for codex-local',
    hint: 'How long the model may think.',
    words: 'reasoning',
  },
  model_aliases: {
    page: 'models',
    label: 'Model aliases',
    hint: 'For apps that expect a certain name, such as gpt-4o. Each is listed as a model.',
  },
  folders: {
    page: 'folders',
    label: 'Folders',
    hint: 'Apps list each folder as a model, codex:NAME.',
    words: 'projects, folder models, instructions, permissions, drop',
  },
  effort_models: {
    page: 'models',
    label: 'Effort and speed',
    words: 'Offer each effort and speed as a model, high, fast',
  },
  task_model: {
    page: 'models',
    label: 'Background tasks',
    words: 'Use a small model for chat titles and tags, Open WebUI',
  },
  reasoning: {
    page: 'models',
    label: 'Reasoning',
    hint: 'Summaries of how the model reached its answer. A request can override this.',
    words: 'reasoning_content, think tags, hide',
  },
  show_activity: {
    page: 'models',
    label: 'Activity',
    words: 'Show commands, file changes and searches of codex-local in the reasoning',
  },

  listen: {
    page: 'network',
    label: 'Network access',
    words: 'This computer only, Docker containers, anyone on this network, LAN',
  },
  port: {
    page: 'network',
    label: 'Port',
    hint: 'Changing the port changes the base URL. Update your apps too.',
  },
  keys_needed: { page: 'network', label: 'Keys', words: 'Require a key, authentication' },
  fetch_images: { page: 'network', label: 'Images', words: 'Fetch images that apps send as an address, internet' },
  allowed_hosts: {
    page: 'network',
    label: 'Host names',
    hint: 'Further names of this computer that apps may use, such as laptop.lan. One per line.',
    advanced: true,
  },
  allowed_origins: {
    page: 'network',
    label: 'Web pages',
    hint: 'Origins of web pages that may call the proxy, such as https://chat.example, or * for any. One per line.',
    words: 'CORS',
    advanced: true,
  },

  warn_at: {
    page: 'limits',
    label: 'Warn at',
    hint: 'Up to two percentages of a usage limit of your account. Leave empty for no warning.',
    words: 'usage, notification, threshold',
  },
  usage_headers: {
    page: 'limits',
    label: 'Headers',
    words: 'Tell apps about usage limits, x-codex-proxy-limit',
  },
  max_turns: {
    page: 'limits',
    label: 'Parallel answers',
    hint: 'Further requests are queued. Keys take turns.',
    advanced: true,
  },
  max_waiting: {
    page: 'limits',
    label: 'Queue size',
    hint: 'When the queue is full, the key with the most queued requests gets an error (429).',
    advanced: true,
  },
  max_wait_seconds: {
    page: 'limits',
    label: 'Queue timeout',
    hint: 'Maximum time in the queue. After that the app gets an error (429).',
    advanced: true,
  },
  turn_limit_minutes: {
    page: 'limits',
    label: 'Answer timeout',
    hint: 'Maximum time per answer. After that it is stopped and the app gets an error (504).',
    advanced: true,
  },
  silence_limit_minutes: {
    page: 'limits',
    label: 'Idle timeout',
    hint: "Stops an answer when Codex sends nothing for this long. Running commands don't count.",
    advanced: true,
  },

  keep_days: {
    page: 'privacy',
    label: 'Keep requests',
    hint: 'Older requests are deleted.',
    words: 'request log, days',
  },
  keep_texts: { page: 'privacy', label: 'Content', words: 'Save prompts and answers, texts' },
  stored_answers: {
    page: 'privacy',
    label: 'Stored answers',
    words: 'delete, responses, conversations, chats, store, restart',
  },
  log_level: {
    page: 'privacy',
    label: 'Log level',
    hint: 'How much the log files say. They never contain keys, prompts or answers.',
    words: 'debug, errors, warnings',
    advanced: true,
  },
  log_folder: { page: 'privacy', label: 'Log files', words: 'Open folder' },

  first_start: { page: 'about', label: 'First start', words: 'setup, welcome, steps' },
  versions: { page: 'about', label: 'Versions', words: 'Codex Proxy, update, path' },
  links: { page: 'about', label: 'Links', words: 'documentation, API reference, report a problem, changelog' },
  licences: { page: 'about', label: 'Licences', words: 'license, MIT, open source, third-party' },
  diagnostics: {
    page: 'about',
    label: 'Diagnostics',
    hint: 'Copies versions, settings and recent errors for a bug report. Contains no keys, prompts or answers.',
  },
};

/** The settings of a page. */
export function fieldsOf(page: Page, known: object): FieldName[] {
  return (Object.keys(ROWS) as RowName[]).filter(
    (name): name is FieldName => ROWS[name].page === page && name in known,
  );
}

/** Whether a row is found by every word of a search. */
export function isFound(name: RowName, query: string): boolean {
  const { page, label, hint = '', words = '' } = ROWS[name];
  const title = PAGES.find(({ id }) => id === page)?.label ?? '';
  const text = [title, label, hint, words, name.replaceAll('_', ' ')].join(' ').toLowerCase();
  return query
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
