/** Other names for models, between the form's text and the rows of the editor; pure. */

export interface Alias {
  alias: string;
  model: string;
}

/** The rows of a text such as `gpt-4o=gpt-5.5`, one a line. */
export function aliasesOf(text: string): Alias[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const at = line.indexOf('=');
      return at < 0 ? { alias: line, model: '' } : { alias: line.slice(0, at), model: line.slice(at + 1) };
    });
}

/** The text of rows as the app writes it, so that what was saved is not taken for a change. Rows that say nothing are left out. */
export function aliasText(rows: readonly Alias[]): string {
  const lines = rows.map(({ alias, model }) => `${alias.trim()}=${model.trim()}`).filter((line) => line !== '=');
  // By the alias alone, as the app does: `=` sorts after some letters of a name.
  const name = (line: string) => line.slice(0, line.indexOf('='));
  return [...new Set(lines)].sort((a, b) => (name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : 0)).join('\n');
}
