/** What only the browser's fake does, for screenshots: a theme by name, and buttons pressed one after the other. */

import type { FakeHost } from '../host-fake';

const LET_IT_DRAW_MS = 120;

const pause = () => new Promise((done) => setTimeout(done, LET_IT_DRAW_MS));

/** `?theme=dark` and `?press=New key|Create` (names as a screen reader says them; `row 3` is a request, `Name=text` types). */
export async function dress(search: URLSearchParams, host: FakeHost): Promise<void> {
  const theme = search.get('theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset['theme'] = theme;

  if (search.has('closing')) host.emit('close_asked', null);

  for (const step of search.get('press')?.split('|') ?? []) {
    await pause();
    const [name = '', text] = step.split('=');
    const found = [...document.querySelectorAll<HTMLElement>('button, input, select, label, [role=row]')].filter(
      (element) =>
        [
          element.getAttribute('aria-label'),
          element.textContent?.trim(),
          (element as HTMLInputElement).labels?.[0]?.textContent?.trim(),
          element.id,
        ].includes(name),
    );
    const row = /^row (\d+)$/.exec(name)?.[1];
    const element =
      row === undefined
        ? found.at(-1)
        : document.querySelectorAll<HTMLElement>('[role=rowgroup] [role=row]')[Number(row)];
    if (text === undefined) element?.click();
    else if (element instanceof HTMLInputElement || element instanceof HTMLSelectElement) {
      element.value = text;
      element.dispatchEvent(new Event(element instanceof HTMLSelectElement ? 'change' : 'input', { bubbles: true }));
    }
  }
  await pause();
  const scroll = search.get('scroll');
  if (scroll !== null) document.querySelector('main')?.scrollTo(0, Number(scroll));
}
