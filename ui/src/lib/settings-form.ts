/** The settings while they are changed, as values; pure. */

import type { Settings } from '../bindings/Settings';

export type FieldName = keyof Settings;

/** A number that cannot be read stays the text that was typed, and aliases of which one stands twice are lines; the app refuses both. */
export type Form = {
  [F in FieldName]: F extends 'model_aliases'
    ? Settings[F] | string[]
    : Settings[F] extends number
      ? number | string
      : Settings[F];
};

export const FULL_ACCESS = 'danger-full-access';
/** What is to be typed before full access can be chosen. */
export const FULL_ACCESS_WORDS = 'full access';

export const same = (one: unknown, other: unknown) => one === other || JSON.stringify(one) === JSON.stringify(other);

export function numberOf(typed: string): number | string {
  return /^(0|[1-9]\d{0,8})$/.test(typed) ? Number(typed) : typed;
}

export function changedFields(form: Form, saved: Form): FieldName[] {
  return (Object.keys(saved) as FieldName[]).filter((field) => !same(form[field], saved[field]));
}

/** The draft on top of what is saved now: fields that were changed in it stay, the others follow. */
export function rebase(draft: Form, before: Form, now: Form): Form {
  const changes = changedFields(draft, before).filter((field) => !same(draft[field], now[field]));
  return { ...now, ...pick(draft, changes) };
}

export function pick(form: Form, fields: readonly FieldName[]): Partial<Form> {
  return Object.fromEntries(fields.map((field) => [field, form[field]]));
}

export function typedRight(typed: string): boolean {
  return typed.trim().toLowerCase() === FULL_ACCESS_WORDS;
}
