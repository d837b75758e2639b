/** URL parameters of the fake host in a browser, for screenshots: the theme, and buttons to press. */

import type { FakeHost } from '../host-fake';

const RENDER_DELAY_MS = 120;

const waitForRender = () => new Promise((done) => setTimeout(done, RENDER_DELAY_MS));

/** Applies `theme`, `target`, `closing`, `press` and `scroll`; ui/README.md describes them. */
export async function applyUrlParams(search: URLSearchParams, host: FakeHost): Promise<void> {
  const theme = search.get('theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset['theme'] = theme;

  const target = search.get('target');
  if (target !== null) host.emit('navigate', `${search.get('view') ?? 'status'}/${target}`);

  if (search.has('closing')) host.emit('close_asked', null);

  for (const step of search.get('press')?.split('|') ?? []) {
    await waitForRender();
    const [name = '', text] = step.split('=');
    const matching = [
      ...document.querySelectorAll<HTMLElement>('button, input, textarea, select, summary, label, [role=row]'),
    ].filter((element) =>
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
        ? matching.at(-1)
        : document.querySelectorAll<HTMLElement>('[role=rowgroup] [role=row]')[Number(row)];
    if (text === undefined) element?.click();
    else if (
      element instanceof HTMLInputElement ||
      element instanceof HTMLTextAreaElement ||
      element instanceof HTMLSelectElement
    ) {
      element.value = text;
      element.dispatchEvent(new Event(element instanceof HTMLSelectElement ? 'change' : 'input', { bubbles: true }));
    }
  }
  await waitForRender();
  const scroll = search.get('scroll');
  if (scroll !== null) document.querySelector('main')?.scrollTo(0, Number(scroll));
}
