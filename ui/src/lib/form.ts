/** The settings form, as values; pure. */

import type { SettingsForm } from '../bindings/SettingsForm';

export type FieldName = keyof SettingsForm;

/** What makes the proxy start anew when it is changed. */
const RESTARTS: readonly FieldName[] = [
  'codexPath',
  'model',
  'effort',
  'sandbox',
  'workspace',
  'reasoning',
  'showWork',
  'modelAliases',
  'sideCalls',
  'maxTurns',
  'maxWaiting',
  'maxWait',
  'turnLimit',
  'silenceLimit',
  'port',
  'listen',
  'keysNeeded',
];

export const FULL_ACCESS = 'danger-full-access';
/** What is to be typed before full access can be chosen. */
export const FULL_ACCESS_WORDS = 'full access';

export function changedFields(form: SettingsForm, saved: SettingsForm): FieldName[] {
  return (Object.keys(saved) as FieldName[]).filter((field) => form[field] !== saved[field]);
}

export function restarts(changed: readonly FieldName[]): boolean {
  return changed.some((field) => RESTARTS.includes(field));
}

/** The draft on top of what is saved now: fields that were changed in it stay, the others follow. */
export function rebase(draft: SettingsForm, before: SettingsForm, now: SettingsForm): SettingsForm {
  const changes = changedFields(draft, before).filter((field) => draft[field] !== now[field]);
  return { ...now, ...Object.fromEntries(changes.map((field) => [field, draft[field]])) };
}

export function typedRight(typed: string): boolean {
  return typed.trim().toLowerCase() === FULL_ACCESS_WORDS;
}
