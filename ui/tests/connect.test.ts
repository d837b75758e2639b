import { fireEvent, screen, waitFor } from '@testing-library/svelte';
import { expect, test } from 'vitest';
import { callsTo, open, press, announcement } from './helpers';

test('copying a piece uses the selected key', async () => {
  const host = open('connect');
  await fireEvent.change(await screen.findByLabelText('Use key'), { target: { value: 'k2' } });
  await screen.findByText('sk-…3fQ2');
  await press('Copy: Key for Open WebUI on this computer');
  expect(callsTo(host, 'copyPiece')).toEqual([['openWebUi', 1, 'k2']]);
  await waitFor(() => expect(announcement()).toBe('Copied: Key for Open WebUI on this computer'));
});

test('a key that cannot be filled in is explained', async () => {
  open('connect');
  await fireEvent.change(await screen.findByLabelText('Use key'), { target: { value: 'k3' } });
  await screen.findByText(/The key “Scripts” isn't in your keychain/);
});

test('Docker containers can be allowed from the recipe that needs it', async () => {
  const host = open('connect');
  await fireEvent.click(await screen.findByRole('radio', { name: 'Docker on Linux' }));
  await press('Allow Docker containers');
  await waitFor(() => expect(screen.queryByText(/Containers can't connect yet/)).toBeNull());
  expect(callsTo(host, 'listenOnDockerBridge')).toHaveLength(1);
});

test('each app has a recipe, and arrow keys move between the tabs', async () => {
  open('connect');
  const tab = await screen.findByRole('tab', { name: 'Open WebUI' });
  tab.focus();
  await fireEvent.keyDown(tab, { key: 'ArrowRight' });
  expect(screen.getByRole('tab', { name: 'curl' })).toHaveAttribute('aria-selected', 'true');
  await screen.findByText(/^curl -N/);
  await fireEvent.keyDown(screen.getByRole('tab', { name: 'curl' }), { key: 'End' });
  await screen.findByText(/Cursor can't connect/);
});

test('the connection test shows what works, what fails and why', async () => {
  const host = open('connect');
  await press('Test');
  await screen.findByText('1 of 5 steps failed.');
  expect(screen.getByText(/Allow Docker containers under/)).toBeVisible();
  expect(callsTo(host, 'checkConnection')).toHaveLength(1);
});

test('recipes follow a change of the address', async () => {
  const host = open('connect');
  await screen.findByText('http://127.0.0.1:8000/v1');
  await host.useFreePort();
  await screen.findByText('http://127.0.0.1:8001/v1');
});
