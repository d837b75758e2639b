/** What a key may do less than the settings allow; pure. */

import type { KeyLimitsForm } from '../bindings/KeyLimitsForm';
import { FULL_ACCESS } from './settings-form';

export const NO_LIMITS: Readonly<KeyLimitsForm> = { sandbox: '', workspace: '' };

/** The modes, the strictest first. */
const MODES: readonly { value: string; title: string }[] = [
  { value: 'read-only', title: 'Read only' },
  { value: 'workspace-write', title: 'Write in its folder' },
  { value: FULL_ACCESS, title: 'Full access' },
];

export function modeTitle(mode: string): string {
  return MODES.find((one) => one.value === mode)?.title ?? mode;
}

/** The modes that a key can have: none that is freer than the setting, but for the one that it has. */
export function modesFor(setting: string, has: string): readonly { value: string; title: string }[] {
  const most = MODES.findIndex((mode) => mode.value === setting);
  return MODES.filter((mode, index) => index <= most || mode.value === has);
}

/** The limits in a few words, with the folder's last name; `null` when there are none. */
export function limitWords({ sandbox, workspace }: KeyLimitsForm): string | null {
  const mode = sandbox === '' ? null : modeTitle(sandbox);
  if (workspace === '') return mode;
  const folder = workspace.split(/[\\/]/).findLast((name) => name !== '') ?? workspace;
  return `${mode === null ? 'In' : `${mode}, in`} ${folder}`;
}
