/** Validates settings for the fake host, like the app does. */

import type { FieldError } from '../../bindings/FieldError';
import { parseAliases } from '../model-aliases';
import type { FieldName, Form } from '../settings-form';

const RANGES: readonly (readonly [FieldName, string, number, number])[] = [
  ['port', 'Enter a port from 1 to 65535.', 1, 65535],
  ['keep_days', 'Enter a number of days from 1 to 3650.', 1, 3650],
  ['max_turns', 'Enter a number of requests from 1 to 100.', 1, 100],
  ['max_waiting', 'Enter a number of requests from 0 to 1000.', 0, 1000],
  ['max_wait_seconds', 'Enter a number of seconds from 1 to 3600.', 1, 3600],
  ['turn_limit_minutes', 'Enter a number of minutes from 1 to 1440.', 1, 1440],
  ['ask_limit_minutes', 'Enter a number of minutes from 1 to 1440.', 1, 1440],
  ['silence_limit_minutes', 'Enter a number of minutes from 1 to 1440.', 1, 1440],
];

export function validateForm(form: Form): FieldError[] {
  const errors: FieldError[] = [];
  for (const [field, message, min, max] of RANGES) {
    const value = form[field];
    if (typeof value !== 'number' || value < min || value > max) errors.push({ field, message });
  }
  if (form.workspace && !form.workspace.startsWith('/'))
    errors.push({ field: 'workspace', message: "This folder doesn't exist. Enter its full path, or leave it empty." });
  for (const [index, { name, folder }] of form.folders.entries()) {
    const message = !/^[A-Za-z0-9_-]{1,50}$/.test(name)
      ? `"${name}" can't be a model's name. Use up to 50 letters, digits, - and _, such as web-shop.`
      : form.folders.slice(0, index).some((other) => other.name.toLowerCase() === name.toLowerCase())
        ? `${name}: Another folder has this name. Choose another one.`
        : !folder.startsWith('/')
          ? `${name}: Enter the folder's full path.`
          : null;
    if (message !== null) errors.push({ field: 'folders', message });
  }
  if (Array.isArray(form.model_aliases))
    errors.push({
      field: 'model_aliases',
      message: 'This alias is used twice. Remove one of them.',
    });
  const incomplete = parseAliases(form.model_aliases).find(({ alias, model }) => alias === '' || model === '');
  if (incomplete)
    errors.push({
      field: 'model_aliases',
      message: `${incomplete.alias}=${incomplete.model}: Enter both an alias and a model.`,
    });
  if (!form.keys_needed && form.listen !== 'loopback')
    errors.push({
      field: 'keys_needed',
      message: 'Keys can be turned off only while the proxy accepts apps on this computer alone.',
    });
  return errors;
}
