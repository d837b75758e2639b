/** Per-key limits: a key may be stricter than the settings, never more permissive. */

import type { KeyLimitsForm } from '../bindings/KeyLimitsForm';
import { FULL_ACCESS } from './settings-form';

export const NO_LIMITS: Readonly<KeyLimitsForm> = { sandbox: '', workspace: '', plainModelsOnly: false };

/** A key that may not use codex-local needs no other limit. */
export const PLAIN_MODELS: Readonly<KeyLimitsForm> = { ...NO_LIMITS, plainModelsOnly: true };

/** Ordered from strictest to most permissive. */
const SANDBOX_MODES: readonly { value: string; title: string }[] = [
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

/** A short summary with the folder's last name, or `null` without limits. */
export function describeLimits({ sandbox, workspace, plainModelsOnly }: KeyLimitsForm): string | null {
  if (plainModelsOnly) return 'Plain models only';
  const mode = sandbox === '' ? null : sandboxTitle(sandbox);
  if (workspace === '') return mode;
  const folder = workspace.split(/[\\/]/).findLast((name) => name !== '') ?? workspace;
  return `${mode === null ? 'In' : `${mode}, in`} ${folder}`;
}
