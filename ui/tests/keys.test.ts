import { fireEvent, screen, waitFor } from '@testing-library/svelte';
import { expect, test } from 'vitest';
import { NO_LIMITS } from '../src/lib/key-limits';
import { callsTo, button, dialog, open, press, announcement, type } from './helpers';

const SECRET = /^sk-codex-/;

test('a key is shown once, and gone after closing', async () => {
  const host = open('keys');
  await press('New key');
  await type('Name', 'Phone');
  await press('Create');
  const shown = await dialog('New key “Phone”');
  expect(shown.getByText(SECRET)).toBeVisible();
  await fireEvent.click(shown.getByRole('button', { name: 'Copy: key Phone' }));
  expect(callsTo(host, 'copyText')[0]?.[0]).toMatch(SECRET);

  await press('Done');
  expect(screen.queryByText(SECRET)).toBeNull();
  expect(document.body.innerHTML).not.toContain('sk-codex-');
  await screen.findByRole('rowheader', { name: 'Phone' });
});

test('Escape closes the dialog, and the focus goes back', async () => {
  open('keys');
  const opener = await button('New key');
  opener.focus();
  await fireEvent.click(opener);
  const name = await screen.findByLabelText('Name');
  await waitFor(() => expect(name).toHaveFocus());
  await fireEvent.keyDown(name, { key: 'Escape' });
  expect(screen.queryByRole('dialog')).toBeNull();
  expect(opener).toHaveFocus();
});

test('a key without a name is asked for one, and none is made', async () => {
  const host = open('keys');
  await press('New key');
  await press('Create');
  await screen.findByText(/Give it a name/);
  expect(callsTo(host, 'createKey')).toEqual([]);
});

test('a name that there is already is said so, and what was typed stays', async () => {
  open('keys');
  await press('New key');
  const name = await type('Name', 'Scripts');
  await press('Create');
  await screen.findByText("There is a key named 'Scripts' already.");
  expect(name).toHaveValue('Scripts');
});

test('revoking asks first', async () => {
  const host = open('keys');
  await press('Revoke: key Scripts');
  const asks = await dialog('Revoke the key “Scripts”?');
  await fireEvent.click(asks.getByRole('button', { name: 'Cancel' }));
  expect(callsTo(host, 'revokeKey')).toEqual([]);

  await press('Revoke: key Scripts');
  await press('Revoke');
  await waitFor(() => expect(screen.queryByRole('rowheader', { name: 'Scripts' })).toBeNull());
  expect(callsTo(host, 'revokeKey')).toEqual([['k3']]);
  expect(announcement()).toBe('The key Scripts is revoked.');
});

test('a key that the keychain has can be copied again, and no other', async () => {
  const host = open('keys');
  await press('Copy again: key Default');
  expect(callsTo(host, 'copyKey')).toEqual([['k1']]);
  expect(screen.queryByRole('button', { name: 'Copy again: key Scripts' })).toBeNull();
});

test('without a keychain it is said what that means', async () => {
  open('keys', { scenario: 'no-keychain' });
  await screen.findByText(/There is no keychain on this system/);
  expect(screen.queryByRole('button', { name: /Copy again/ })).toBeNull();
});

test('without a keychain the first key, which nobody has seen, is shown once', async () => {
  open('keys', { scenario: 'no-keychain' });
  await press('Show once: key Default');
  const shown = await dialog('Key “Default”');
  expect(shown.getByText(SECRET)).toBeVisible();
  await press('Done');
  expect(document.body.innerHTML).not.toContain('sk-codex-');
  await waitFor(() => expect(screen.queryByRole('button', { name: /Show once/ })).toBeNull());
});

test('a revoked key whose secret the keychain still has is said so, and stays said when the list is fetched again', async () => {
  const host = open('keys', { scenario: 'keychain-locked' });
  await press('Revoke: key Default');
  await press('Revoke');
  await screen.findByText(/still in the keychain and can be removed there/);
  await host.createKey('Tablet', NO_LIMITS);
  await screen.findByRole('rowheader', { name: 'Tablet' });
  expect(screen.getByText(/still in the keychain and can be removed there/)).toBeVisible();
});

test('a key made elsewhere appears', async () => {
  const host = open('keys');
  await screen.findByRole('rowheader', { name: 'Default' });
  await host.createKey('Tablet', NO_LIMITS);
  await screen.findByRole('rowheader', { name: 'Tablet' });
});

test('a key is made with limits, and they are shown in its row', async () => {
  const host = open('keys', { scenario: 'running' });
  await press('New key');
  await type('Name', 'Notes');
  const mode = screen.getByLabelText('What codex-local may do');
  await waitFor(() => expect(mode).toHaveAccessibleDescription(/allow now: read only/));
  // The settings allow read-only, so more permissive modes are not offered.
  expect([...(mode as HTMLSelectElement).options].map((option) => option.text)).toEqual([
    'What the settings allow',
    'Read only',
  ]);
  await fireEvent.change(mode, { target: { value: 'read-only' } });
  await type('Working folder', '/srv');
  await press('Create');
  const folder = screen.getByLabelText('Working folder');
  await waitFor(() => expect(folder).toHaveAccessibleDescription(/not within the working folder/));
  expect(folder).toHaveAttribute('aria-invalid', 'true');
  await press('Browse for the key’s working folder');
  await waitFor(() => expect(folder).toHaveValue('/home/me/projects'));
  await press('Create');
  await dialog('New key “Notes”');
  expect(callsTo(host, 'createKey').at(-1)).toEqual([
    'Notes',
    { sandbox: 'read-only', workspace: '/home/me/projects' },
  ]);
  await press('Done');
  expect(await button('Limits: key Notes')).toHaveTextContent('Read only, in projects');
});

test('the limits of a key are changed later', async () => {
  const host = open('keys');
  expect(await button('Limits: key Default')).toHaveTextContent('As in Settings');
  await press('Limits: key Scripts');
  const asks = await dialog('Limits of the key “Scripts”');
  expect(asks.getByLabelText('Working folder')).toHaveValue('/home/me/projects/notes');
  await type('Working folder', '');
  await press('Save');
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
  expect(callsTo(host, 'limitKey')).toEqual([['k3', { sandbox: 'read-only', workspace: '' }]]);
  expect(await button('Limits: key Scripts')).toHaveTextContent(/^Read only$/);
  expect(announcement()).toBe('The limits of the key Scripts are saved.');
});

test('a limit that the settings no longer allow is still seen, and its refusal is said', async () => {
  const host = open('keys');
  await host.limitKey('k2', { sandbox: 'workspace-write', workspace: '' });
  await press('Limits: key Work laptop');
  expect(await screen.findByLabelText('What codex-local may do')).toHaveValue('workspace-write');
  host.failNext('limitKey', {
    message: 'Some settings need another look.',
    fields: [{ field: 'sandbox', message: 'A key can only be stricter.' }],
  });
  await press('Save');
  await screen.findByText('A key can only be stricter.');
  expect(screen.getByRole('dialog')).toBeVisible();
});

test('switching keys off says what it means and asks, and saves that alone', async () => {
  const host = open('keys');
  const toggle = await screen.findByRole('switch', { name: 'A key is needed' });
  await waitFor(() => expect(toggle).toBeEnabled());
  await fireEvent.click(toggle);
  await dialog('Ask for no key at all?');
  expect(callsTo(host, 'setSetting')).toEqual([]);
  await press('Ask for no key');
  await waitFor(() => expect(toggle).toHaveAttribute('aria-checked', 'false'));
  expect(callsTo(host, 'setSetting')).toEqual([['keys_needed', false]]);
  expect(callsTo(host, 'setSettings')).toEqual([]);
});

test('while others than this machine can reach it, keys cannot be switched off', async () => {
  const host = open('keys');
  await host.listenOnDockerBridge();
  await screen.findByText(/cannot be switched off while others/);
  expect(screen.getByRole('switch', { name: 'A key is needed' })).toBeDisabled();
});

test('when there is no key, it is said what to do', async () => {
  const host = open('keys');
  await screen.findByRole('rowheader', { name: 'Default' });
  for (const id of ['k1', 'k2', 'k3']) await host.revokeKey(id);
  await screen.findByText('There is no key');
  await press('New key');
  await screen.findByLabelText('Name');
});
