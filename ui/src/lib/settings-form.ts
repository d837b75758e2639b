/** The values of the settings form. */

import type { Settings } from '../bindings/Settings';

/** The first start has a button under Help instead of a field. */
export type FieldName = Exclude<keyof Settings, 'setup_done'>;

/**
 * Invalid input is kept as typed, for the app to reject: a number that does not parse stays a string, and aliases with a duplicate
 * name stay a list of lines.
 */
export type Form = {
  [F in FieldName]: F extends 'model_aliases'
    ? Settings[F] | string[]
    : Settings[F] extends number
      ? number | string
      : Settings[F] extends number[]
        ? (number | string)[]
        : Settings[F];
};

type FieldOf<T> = { [F in FieldName]: Settings[F] extends T ? F : never }[FieldName];
export type NumberField = FieldOf<number>;
export type SwitchField = FieldOf<boolean>;

export const FULL_ACCESS = 'danger-full-access';
/** Must be typed to confirm full access. */
export const FULL_ACCESS_PHRASE = 'full access';

export const isEqual = (a: unknown, b: unknown) => a === b || JSON.stringify(a) === JSON.stringify(b);

export function parseNumber(input: string): number | string {
  return /^(0|[1-9]\d{0,8})$/.test(input) ? Number(input) : input;
}

/** A value as text, for its default. */
export function formatSetting(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (Array.isArray(value)) return value.length === 0 ? 'empty' : value.join(', ');
  return value === null ? 'empty' : String(value);
}

export function changedFields(form: Form, saved: Form): FieldName[] {
  return (Object.keys(saved) as FieldName[]).filter((field) => !isEqual(form[field], saved[field]));
}

/** Reapplies the draft's changes on top of newly saved values. */
export function rebase(draft: Form, before: Form, after: Form): Form {
  const changes = changedFields(draft, before).filter((field) => !isEqual(draft[field], after[field]));
  return { ...after, ...pick(draft, changes) };
}

export function pick(form: Form, fields: readonly FieldName[]): Partial<Form> {
  return Object.fromEntries(fields.map((field) => [field, form[field]]));
}

export function isFullAccessPhrase(input: string): boolean {
  return input.trim().toLowerCase() === FULL_ACCESS_PHRASE;
}
