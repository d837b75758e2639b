import { fireEvent, render, screen } from '@testing-library/svelte';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { AppStore } from '../src/lib/app-store.svelte';
import { fakeHost } from '../src/lib/host-fake';
import { announcement } from './helpers';
import ToastsHarness from './harness/Toasts.svelte';

let app: AppStore;

beforeEach(() => {
  vi.useFakeTimers();
  app = new AppStore(fakeHost());
  render(ToastsHarness, { app });
});
afterEach(() => vi.useRealTimers());

const messages = () =>
  [...screen.getByRole('region', { name: 'Messages' }).querySelectorAll('p')].map((p) => p.textContent);

async function toast(...args: Parameters<AppStore['toast']>) {
  app.toast(...args);
  await vi.advanceTimersByTimeAsync(0);
}

test('a toast is shown and announced, and goes after 8 seconds', async () => {
  await toast('Copied.');
  expect(messages()).toEqual(['Copied.']);
  expect(announcement()).toBe('Copied.');
  await vi.advanceTimersByTimeAsync(7900);
  expect(messages()).toEqual(['Copied.']);
  await vi.advanceTimersByTimeAsync(200);
  expect(messages()).toEqual([]);
});

test('at most three toasts are shown, and the oldest gives way', async () => {
  for (const text of ['one', 'two', 'three', 'four']) await toast(text);
  expect(messages()).toEqual(['two', 'three', 'four']);
});

test.each([
  [
    'pointed at',
    () => fireEvent.pointerEnter(screen.getByRole('region', { name: 'Messages' })),
    () => fireEvent.pointerLeave(screen.getByRole('region', { name: 'Messages' })),
  ],
  [
    'focused',
    () => screen.getByRole('button', { name: 'Undo' }).focus(),
    () => screen.getByRole('button', { name: 'Undo' }).blur(),
  ],
])('a toast stays while it is %s', async (_, enter, leave) => {
  await toast('Port changed.', { action: { label: 'Undo', run: () => {} } });
  await enter();
  await vi.advanceTimersByTimeAsync(20_000);
  expect(messages()).toEqual(['Port changed.']);
  await leave();
  await vi.advanceTimersByTimeAsync(8100);
  expect(messages()).toEqual([]);
});

test('Undo runs once, the toast goes, and the focus returns to where it was', async () => {
  const run = vi.fn();
  const before = screen.getByRole('button', { name: 'Elsewhere' });
  before.focus();
  await toast('Port changed.', { action: { label: 'Undo', run } });
  const undo = screen.getByRole('button', { name: 'Undo' });
  undo.focus();
  await fireEvent.click(undo);
  await fireEvent.click(undo);
  expect(run).toHaveBeenCalledOnce();
  expect(messages()).toEqual([]);
  expect(before).toHaveFocus();
});

test('an error stays until it is dismissed', async () => {
  app.error = "Codex Proxy didn't respond.";
  await vi.advanceTimersByTimeAsync(60_000);
  expect(screen.getByRole('alert')).toHaveTextContent("Codex Proxy didn't respond.");
  await fireEvent.click(screen.getByRole('button', { name: 'Dismiss message' }));
  expect(messages()).toEqual([]);
});
