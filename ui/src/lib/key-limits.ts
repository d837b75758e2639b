/** Per-key limits: a key may be stricter than the settings, never more permissive. */

import type { KeyLimitsForm } from '../bindings/KeyLimitsForm';
import type { KeyRow } from '../bindings/KeyRow';
import { formatCount, formatFullDate, parseDay, plural, startOfDay } from './format';
import { FULL_ACCESS } from './settings-form';

export const NO_LIMITS: Readonly<KeyLimitsForm> = {
  sandbox: '',
  workspace: '',
  plainModelsOnly: false,
  expires: '',
  tokensPerDay: '',
  requestsPerMinute: '',
  reservePercent: '',
  models: '',
  webSearch: null,
  noMcpServers: false,
  mayAsk: null,
  keepChats: null,
};

/** A key that may not use codex-local needs no mode and no folder. */
export const PLAIN_MODELS: Readonly<KeyLimitsForm> = { ...NO_LIMITS, plainModelsOnly: true };

/** No limits of codex-local alone. */
export const NO_AGENT_LIMITS: Readonly<Partial<KeyLimitsForm>> = {
  sandbox: '',
  workspace: '',
  noMcpServers: false,
  mayAsk: null,
  keepChats: null,
};

/** Ordered from strictest to most permissive. */
export const SANDBOX_MODES: readonly { value: string; title: string }[] = [
  { value: 'read-only', title: 'Read only' },
  { value: 'workspace-write', title: 'Write in its folder' },
  { value: FULL_ACCESS, title: 'Full access' },
];

export function sandboxTitle(mode: string): string {
  return SANDBOX_MODES.find((one) => one.value === mode)?.title ?? mode;
}

/** The modes a key can be given: none more permissive than the setting, except the key's current one. */
export function allowedModes(setting: string, current: string): readonly { value: string; title: string }[] {
  const max = SANDBOX_MODES.findIndex((mode) => mode.value === setting);
  return SANDBOX_MODES.filter((mode, index) => index <= max || mode.value === current);
}

/** One rule of a key, and whether it stops the key now. */
export interface Rule {
  text: string;
  stopped: boolean;
}

/** What a key has used of its limits. */
export type KeyUse = Pick<KeyRow, 'expired' | 'tokensToday' | 'recentRequests'>;

/** What rules are measured against: the time, and how much of the account's week is used, if that is known. */
export interface RuleContext {
  now: number;
  weekUsed: number | null;
}

const rule = (text: string, stopped = false): Rule => ({ text, stopped });

/** The rules of codex-local, and of tools. */
function toolRules({
  sandbox,
  workspace,
  plainModelsOnly,
  webSearch,
  noMcpServers,
  mayAsk,
  keepChats,
}: KeyLimitsForm): Rule[] {
  const rules: Rule[] = [];
  if (plainModelsOnly) rules.push(rule('Plain models only'));
  const mode = sandbox === '' ? null : sandboxTitle(sandbox);
  const folder = workspace.split(/[\\/]/).findLast((name) => name !== '') ?? workspace;
  if (workspace !== '') rules.push(rule(`${mode === null ? 'In' : `${mode}, in`} ${folder}`));
  else if (mode !== null) rules.push(rule(mode));
  if (webSearch !== null) rules.push(rule(webSearch ? 'Web search' : 'No web search'));
  if (noMcpServers && !plainModelsOnly) rules.push(rule('No MCP servers'));
  if (mayAsk !== null && !plainModelsOnly)
    rules.push(rule(mayAsk ? 'Asks before leaving the sandbox' : 'Never asks, stays in the sandbox'));
  if (keepChats !== null && !plainModelsOnly)
    rules.push(rule(keepChats ? 'Keeps chats in Codex' : "Doesn't keep chats in Codex"));
  return rules;
}

function expiry(expires: string, expired: boolean, now: number): Rule {
  const day = parseDay(expires);
  if (day === null) return rule(`Expires ${expires}`);
  if (!expired && startOfDay(now) === day) return rule('Expires tonight');
  return rule(`${expired ? 'Expired' : 'Expires'} ${formatFullDate(day)}`, expired);
}

function reserve(percent: string, weekUsed: number | null): Rule {
  if (weekUsed === null) return rule(`Stopped: how much of the week is used isn't known (stops at ${percent} %)`, true);
  const stopped = weekUsed >= Number(percent);
  return rule(`${stopped ? 'Stopped' : 'Stops'} at ${percent} % of the week (now ${weekUsed} %)`, stopped);
}

/** The rules about models, time and amount, with what is used of them. */
function amountRules(limits: KeyLimitsForm, use: KeyUse | null, context: RuleContext | null): Rule[] {
  const { expires, tokensPerDay, requestsPerMinute, reservePercent, models } = limits;
  const rules: Rule[] = [];
  if (models !== '') rules.push(rule(`Only ${models}`));
  if (expires !== '') rules.push(expiry(expires, use?.expired ?? false, context?.now ?? 0));
  if (tokensPerDay !== '') {
    const [limit, used] = [Number(tokensPerDay), use?.tokensToday ?? null];
    if (use === null) rules.push(rule(`${formatCount(limit)} tokens a day`));
    else if (used === null) rules.push(rule(`Stopped: the tokens of today can't be read`, true));
    else if (used >= limit)
      rules.push(rule(`Used up: ${formatCount(used)} of ${formatCount(limit)} tokens today`, true));
    else rules.push(rule(`${formatCount(used)} of ${formatCount(limit)} tokens today`));
  }
  if (requestsPerMinute !== '') {
    const limit = Number(requestsPerMinute);
    rules.push(
      use === null
        ? rule(`${plural(limit, 'request')} a minute`)
        : rule(`${formatCount(use.recentRequests)} of ${plural(limit, 'request')} in the last minute`),
    );
  }
  if (reservePercent !== '')
    rules.push(
      context === null ? rule(`Stops at ${reservePercent} % of the week`) : reserve(reservePercent, context.weekUsed),
    );
  return rules;
}

/** A key's rules, with what is used of them. */
export function describeRules(limits: KeyLimitsForm, use: KeyUse, context: RuleContext): Rule[] {
  return [...toolRules(limits), ...amountRules(limits, use, context)];
}

const summary = (rules: Rule[]) => (rules.length === 0 ? null : rules.map(({ text }) => text).join(', '));

/** A short summary with the folder's last name, or `null` without limits. */
export function describeLimits(limits: KeyLimitsForm): string | null {
  return summary([...toolRules(limits), ...amountRules(limits, null, null)]);
}

/** The parts of the form that are folded, by what they are about. */
export const LIMIT_GROUPS = {
  tools: {
    title: 'Limit web search, MCP servers, asking and chats…',
    describe: (limits: KeyLimitsForm) =>
      summary(toolRules({ ...limits, plainModelsOnly: false, sandbox: '', workspace: '' })),
  },
  amount: {
    title: 'Limit models, time and amount…',
    fields: ['models', 'expires', 'tokensPerDay', 'requestsPerMinute', 'reservePercent'],
    describe: (limits: KeyLimitsForm) => summary(amountRules(limits, null, null)),
  },
} as const;
