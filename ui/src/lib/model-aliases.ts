/** Converts model aliases between the setting and the editor's rows. */

import type { Form } from './settings-form';

export interface Alias {
  alias: string;
  model: string;
}

type AliasSetting = Form['model_aliases'];

export function parseAliases(setting: AliasSetting): Alias[] {
  const pairs = Array.isArray(setting) ? setting.map((line) => line.split('=')) : Object.entries(setting);
  return pairs.map(([alias = '', model = '']) => ({ alias, model }));
}

/** Produces the app's own format (sorted, no empty rows), so that saved values never count as changed. */
export function serializeAliases(rows: readonly Alias[]): AliasSetting {
  const lines = rows.map(({ alias, model }) => `${alias.trim()}=${model.trim()}`).filter((line) => line !== '=');
  const pairs = [...new Set(lines)].map((line): [string, string] => [
    line.slice(0, line.indexOf('=')),
    line.slice(line.indexOf('=') + 1),
  ]);
  const setting = Object.fromEntries(pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  // An object would drop one of two rows with the same alias; as lines, the app can reject them.
  return Object.keys(setting).length === pairs.length ? setting : lines;
}
