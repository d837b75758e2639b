import { fireEvent, screen, waitFor } from '@testing-library/svelte';
import { expect, test } from 'vitest';
import { callsTo, open, press, announcement } from './helpers';

test('a piece is copied with the key that was chosen, by the host', async () => {
  const host = open('connect');
  await fireEvent.change(await screen.findByLabelText('Key to fill in'), { target: { value: 'k2' } });
  await screen.findByText('sk-…3fQ2');
  await press('Copy: Key for Open WebUI on this machine');
  expect(callsTo(host, 'copyPiece')).toEqual([['openWebUi', 1, 'k2']]);
  await waitFor(() => expect(announcement()).toBe('Copied: Key for Open WebUI on this machine'));
});

test('a key that cannot be filled in is said so', async () => {
  open('connect');
  await fireEvent.change(await screen.findByLabelText('Key to fill in'), { target: { value: 'k3' } });
  await screen.findByText(/The keychain does not have the key “Scripts”/);
});

test('Docker containers are let in from where they are needed', async () => {
  const host = open('connect');
  await fireEvent.click(await screen.findByRole('radio', { name: 'In Docker on Linux' }));
  await press('Let Docker containers in');
  await waitFor(() => expect(screen.queryByText(/Containers cannot reach this address/)).toBeNull());
  expect(callsTo(host, 'listenOnDockerBridge')).toHaveLength(1);
});

test('each client has its recipe, and arrow keys go from one to the next', async () => {
  open('connect');
  const tab = await screen.findByRole('tab', { name: 'Open WebUI' });
  tab.focus();
  await fireEvent.keyDown(tab, { key: 'ArrowRight' });
  expect(screen.getByRole('tab', { name: 'curl' })).toHaveAttribute('aria-selected', 'true');
  await screen.findByText(/^curl -N/);
  await fireEvent.keyDown(screen.getByRole('tab', { name: 'curl' }), { key: 'End' });
  await screen.findByText(/Cursor cannot be connected/);
});

test('the check says what worked, what did not, and why', async () => {
  const host = open('connect');
  await press('Check');
  await screen.findByText('1 of 5 did not work.');
  expect(screen.getByText(/Let Docker containers in, in the recipe/)).toBeVisible();
  expect(callsTo(host, 'checkConnection')).toHaveLength(1);
});

test('recipes follow the address', async () => {
  const host = open('connect');
  await screen.findByText('http://127.0.0.1:8000/v1');
  await host.useFreePort();
  await screen.findByText('http://127.0.0.1:8001/v1');
});
