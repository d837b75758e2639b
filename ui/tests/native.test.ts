import { fireEvent, screen } from '@testing-library/svelte';
import { beforeEach, expect, test } from 'vitest';
import { open } from './helpers';

/** Whether the web view would act on the event. */
const letThrough = (event: Promise<boolean>) => event;

beforeEach(() => getSelection()?.removeAllRanges());

test.each(['F5', 'F3', 'F7'])('the browser key %s does nothing', async (key) => {
  open('status');
  expect(await letThrough(fireEvent.keyDown(document.body, { key }))).toBe(false);
});

test.each(['r', 'R', 'p', 's', 'u', 'g'])(
  'Ctrl+%s, a key of the browser, does nothing, in a field and a menu too',
  async (key) => {
    open('requests');
    const search = await screen.findByRole('searchbox');
    const opener = screen.getByRole('button', { name: 'More' });
    await fireEvent.click(opener);
    for (const target of [document.body, search, screen.getAllByRole('menuitem')[0] as HTMLElement]) {
      expect(await letThrough(fireEvent.keyDown(target, { key, ctrlKey: true, shiftKey: key === 'R' }))).toBe(false);
    }
    expect(await letThrough(fireEvent.keyDown(search, { key: key.toLowerCase() }))).toBe(true);
  },
);

test('keys that edit text still work in a field', async () => {
  open('requests');
  const search = await screen.findByRole('searchbox');
  for (const key of ['a', 'c', 'v', 'x', 'z', 'ArrowLeft', 'Backspace']) {
    expect(await letThrough(fireEvent.keyDown(search, { key, ctrlKey: true })), key).toBe(true);
  }
});

test('Ctrl+A selects nothing of the window, and the whole of a text in which something is selected', async () => {
  open('status');
  const url = await screen.findByText('http://127.0.0.1:8000/v1');
  expect(await letThrough(fireEvent.keyDown(document.body, { key: 'a', ctrlKey: true }))).toBe(false);
  expect(String(getSelection())).toBe('');
  getSelection()?.collapse(url.firstChild, 3);
  await fireEvent.keyDown(document.body, { key: 'a', ctrlKey: true });
  expect(String(getSelection())).toBe('http://127.0.0.1:8000/v1');
});

test('the menu of the web view opens in fields and on texts that can be copied, and nowhere else', async () => {
  open('status');
  const url = await screen.findByText('http://127.0.0.1:8000/v1');
  expect(await letThrough(fireEvent.contextMenu(screen.getByRole('heading', { level: 1 })))).toBe(false);
  expect(await letThrough(fireEvent.contextMenu(screen.getByRole('button', { name: 'Keys' })))).toBe(false);
  expect(await letThrough(fireEvent.contextMenu(url))).toBe(true);
  expect(String(getSelection())).toBe('http://127.0.0.1:8000/v1');
  await fireEvent.click(screen.getByRole('button', { name: 'Requests' }));
  expect(await letThrough(fireEvent.contextMenu(await screen.findByRole('searchbox')))).toBe(true);
});

test('links and pictures cannot be dragged', async () => {
  open('status');
  const logo = document.querySelector('aside svg') as Element;
  expect(await letThrough(fireEvent.dragStart(logo))).toBe(false);
});
