import { fireEvent, screen, waitFor, within } from '@testing-library/svelte';
import { expect, test } from 'vitest';
import { announcement, callsTo, open, press } from './helpers';

async function rowOf(text: RegExp) {
  const list = await screen.findByRole('list', { name: 'Checks' });
  const row = within(list)
    .getAllByRole('listitem')
    .find((item) => text.test(item.textContent ?? ''));
  return within(row as HTMLElement);
}

test('the doctor lists each check with its state, and can check again', async () => {
  const host = open('help', { scenario: 'no-keyring' });
  await press('Run checks');
  await rowOf(/OK: The settings are valid\./);
  await rowOf(/Warning: No default keyring yet/);
  await waitFor(() => expect(announcement()).toBe('2 warnings · 7 checks passed'));
  await press('Check again');
  expect(callsTo(host, 'doctor')).toHaveLength(2);
});

test('a failed check offers its next step', async () => {
  open('help', { scenario: 'not-signed-in' });
  await press('Run checks');
  const row = await rowOf(/Failed: Codex is not signed in/);
  await fireEvent.click(row.getByRole('button', { name: 'Sign in…' }));
  expect(screen.queryByRole('heading', { level: 1, name: 'Help' })).toBeNull();
});

test('a next step leads to the page of the settings', async () => {
  open('help');
  await press('Run checks');
  await press('Codex settings');
  expect(await screen.findByRole('tab', { name: 'Codex' })).toHaveAttribute('aria-selected', 'true');
});

test('checks that cannot run say why', async () => {
  const host = open('help');
  host.failNext('doctor', { message: "Codex Proxy didn't respond.", fields: [] });
  await press('Run checks');
  expect(await screen.findByRole('alert')).toHaveTextContent("Codex Proxy didn't respond.");
  expect(screen.getByRole('button', { name: 'Run checks' })).toBeEnabled();
});

test('the API reference needs a running proxy', async () => {
  open('help', { scenario: 'stopped' });
  expect(await screen.findByRole('button', { name: 'API reference' })).toBeDisabled();
});

test('the shortcuts and the first start can be opened again', async () => {
  const host = open('help');
  await press('Keyboard shortcuts');
  expect(await screen.findByRole('dialog', { name: 'Keyboard shortcuts' })).toBeVisible();
  await fireEvent.keyDown(screen.getByRole('dialog'), { key: 'Escape' });
  await press('First start again');
  await waitFor(() => expect(callsTo(host, 'reopenSetup')).toHaveLength(1));
  await waitFor(() => expect(screen.queryByRole('heading', { level: 1, name: 'Help' })).toBeNull());
});
