/** Other names for models, between the setting and the rows of the editor; pure. */

import type { Form } from './settings-form';

export interface Alias {
  alias: string;
  model: string;
}

type Aliases = Form['model_aliases'];

export function aliasesOf(setting: Aliases): Alias[] {
  const pairs = Array.isArray(setting) ? setting.map((line) => line.split('=')) : Object.entries(setting);
  return pairs.map(([alias = '', model = '']) => ({ alias, model }));
}

/** Rows as the app writes them, so that what was saved is not taken for a change. Rows that say nothing are left out. */
export function aliasSetting(rows: readonly Alias[]): Aliases {
  const lines = rows.map(({ alias, model }) => `${alias.trim()}=${model.trim()}`).filter((line) => line !== '=');
  const pairs = [...new Set(lines)].map((line): [string, string] => [
    line.slice(0, line.indexOf('=')),
    line.slice(line.indexOf('=') + 1),
  ]);
  const setting = Object.fromEntries(pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  // One name for two models is for the app to refuse.
  return Object.keys(setting).length === pairs.length ? setting : lines;
}
