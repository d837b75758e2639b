import { fireEvent, screen, waitFor } from '@testing-library/svelte';
import { expect, test } from 'vitest';
import { NO_LIMITS, PLAIN_MODELS } from '../src/lib/key-limits';
import { callsTo, button, choose, dialog, open, press, announcement, row, type } from './helpers';

const SECRET = /^sk-codex-/;

const rowOf = (name: string) => screen.findByRole('rowheader', { name });
const openLimits = () => press('Limit this key…');

test('a new key is shown once and removed from the page on closing', async () => {
  const host = open('keys');
  await press('New key');
  await type('Name', 'Phone');
  await press('Create');
  const shown = await dialog('New key “Phone”');
  expect(shown.getByText(SECRET)).toBeVisible();
  await fireEvent.click(shown.getByRole('button', { name: 'Copy key: Phone' }));
  expect(callsTo(host, 'copyShownKey')[0]?.[0]).toMatch(SECRET);

  await press('Done');
  expect(screen.queryByText(SECRET)).toBeNull();
  expect(document.body.innerHTML).not.toContain('sk-codex-');
  await screen.findByRole('rowheader', { name: 'Phone' });
});

test('Escape closes the dialog and returns the focus', async () => {
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

test('a key without a name is not created', async () => {
  const host = open('keys');
  await press('New key');
  await press('Create');
  await screen.findByText(/Enter a name/);
  expect(callsTo(host, 'createKey')).toEqual([]);
});

test('a duplicate name is rejected and stays in the field', async () => {
  open('keys');
  await press('New key');
  const name = await type('Name', 'Scripts');
  await press('Create');
  await screen.findByText("A key named 'Scripts' already exists.");
  expect(name).toHaveValue('Scripts');
});

test('revoking asks for confirmation', async () => {
  const host = open('keys');
  await choose('More: key Scripts', 'Revoke…');
  const asks = await dialog('Revoke the key “Scripts”?');
  await fireEvent.click(asks.getByRole('button', { name: 'Cancel' }));
  expect(callsTo(host, 'revokeKey')).toEqual([]);

  await choose('More: key Scripts', 'Revoke…');
  await press('Revoke');
  await waitFor(() => expect(screen.queryByRole('rowheader', { name: 'Scripts' })).toBeNull());
  expect(callsTo(host, 'revokeKey')).toEqual([['k3']]);
  expect(announcement()).toBe('Key Scripts revoked.');
});

test('only a key in the keychain can be copied', async () => {
  const host = open('keys');
  await press('Copy: key Default');
  expect(callsTo(host, 'copyKey')).toEqual([['k1']]);
  expect(screen.queryByRole('button', { name: 'Copy: key Scripts' })).toBeNull();
});

test('a copied key says when it leaves the clipboard', async () => {
  open('keys');
  await press('Copy: key Default');
  await screen.findByText('Copied. Cleared in 90 s.', { selector: 'p' });
  expect(announcement()).toBe('Copied. Cleared in 90 s.');
});

test('the menu of a key opens at its button and by a right click on its row, with what the key can do', async () => {
  const host = open('keys');
  const items = () => screen.getAllByRole('menuitem').map((item) => item.textContent);
  await press('More: key Default');
  expect(items()).toEqual(['Copy', 'Rename…', 'Limits…', 'Set up an app…', 'Revoke…']);
  await fireEvent.click(screen.getByRole('menuitem', { name: 'Copy' }));
  expect(callsTo(host, 'copyKey')).toEqual([['k1']]);
  await fireEvent.contextMenu(await rowOf('Scripts'), { button: 2 });
  expect(screen.getByRole('menu', { name: 'More: key Scripts' })).toBeVisible();
  // Its secret is not in the keychain.
  expect(items()).toEqual(['Rename…', 'Limits…', 'Set up an app…', 'Revoke…']);
});

test('a key can be renamed, and a name that is taken is rejected', async () => {
  const host = open('keys');
  await choose('More: key Scripts', 'Rename…');
  await dialog('Rename “Scripts”');
  const name = screen.getByLabelText('Name');
  await waitFor(() => expect(name).toHaveFocus());
  expect(name).toHaveValue('Scripts');
  await type('Name', 'Default');
  await press('Rename');
  await screen.findByText("A key named 'Default' already exists.");
  await type('Name', ' Backup ');
  await press('Rename');
  await rowOf('Backup');
  expect(callsTo(host, 'renameKey').at(-1)).toEqual(['k3', 'Backup']);
  expect(announcement()).toBe('Key Scripts is now Backup.');
  expect(screen.queryByRole('dialog')).toBeNull();
});

test('a long name is counted, and nothing of it is dropped', async () => {
  open('keys');
  await press('New key');
  const name = await type('Name', 'x'.repeat(49));
  expect(screen.queryByText(/ of 80/)).toBeNull();
  await type('Name', 'x'.repeat(50));
  expect(name).toHaveAccessibleDescription(/50 of 80/);
  await type('Name', 'x'.repeat(81));
  expect(name).not.toHaveAttribute('maxlength');
  expect(name).toHaveAttribute('aria-invalid', 'true');
  expect(screen.getByText('81 of 80')).toBeVisible();
});

test.each([
  [
    'a new key',
    async () => {
      await press('New key');
      await type('Name', 'Phone');
      await press('Create');
      await press('Set up an app with it');
    },
    'Phone',
  ],
  ['the menu of a key', () => choose('More: key Scripts', 'Set up an app…'), 'Scripts'],
])('%s leads to Connect with this key chosen', async (_, go, name) => {
  open('keys');
  await go();
  const heading = await screen.findByRole('heading', { level: 1, name: /Connect/ });
  await waitFor(() => expect(heading).toHaveFocus());
  const chosen = (await screen.findByLabelText('Use key')) as HTMLSelectElement;
  await waitFor(() => expect(chosen.selectedOptions[0]?.text).toContain(name));
  expect(document.body.innerHTML).not.toContain('sk-codex-');
});

test('a missing keychain is explained', async () => {
  open('keys', { scenario: 'no-keychain' });
  await screen.findByText(/No keychain found/);
  expect(screen.queryByRole('button', { name: /^Copy:/ })).toBeNull();
});

test('without a keychain the automatically created key can be revealed once', async () => {
  open('keys', { scenario: 'no-keychain' });
  await press('Reveal once: key Default');
  const shown = await dialog('Key “Default”');
  expect(shown.getByText(SECRET)).toBeVisible();
  await press('Done');
  expect(document.body.innerHTML).not.toContain('sk-codex-');
  await waitFor(() => expect(screen.queryByRole('button', { name: /Reveal once/ })).toBeNull());
});

test('a message about a secret left in the keychain survives a reload of the list', async () => {
  const host = open('keys', { scenario: 'keychain-locked' });
  await choose('More: key Default', 'Revoke…');
  await press('Revoke');
  await screen.findByText(/still in the keychain and can be removed there/);
  await host.createKey('Tablet', NO_LIMITS);
  await screen.findByRole('rowheader', { name: 'Tablet' });
  expect(screen.getByText(/still in the keychain and can be removed there/)).toBeVisible();
});

test('a key created elsewhere appears', async () => {
  const host = open('keys');
  await screen.findByRole('rowheader', { name: 'Default' });
  await host.createKey('Tablet', NO_LIMITS);
  await screen.findByRole('rowheader', { name: 'Tablet' });
});

test('a key can be created with limits, which are shown in its row', async () => {
  const host = open('keys', { scenario: 'running' });
  await press('New key');
  await type('Name', 'Notes');
  expect(screen.queryByLabelText('Permissions for codex-local')).toBeNull();
  await openLimits();
  const mode = screen.getByLabelText('Permissions for codex-local');
  await waitFor(() => expect(mode).toHaveAccessibleDescription(/Settings: read only/));
  // The settings allow read-only, so more permissive modes are not offered.
  expect([...(mode as HTMLSelectElement).options].map((option) => option.text)).toEqual([
    'Same as Settings',
    'Read only',
  ]);
  await fireEvent.change(mode, { target: { value: 'read-only' } });
  await type('Working folder', '/srv');
  await press('Create');
  const folder = screen.getByLabelText('Working folder');
  await waitFor(() => expect(folder).toHaveAccessibleDescription(/must be inside the folder/));
  expect(folder).toHaveAttribute('aria-invalid', 'true');
  await press("Browse for the key's working folder");
  await waitFor(() => expect(folder).toHaveValue('/home/me/projects'));
  await press('Create');
  await dialog('New key “Notes”');
  expect(callsTo(host, 'createKey').at(-1)).toEqual([
    'Notes',
    { ...NO_LIMITS, sandbox: 'read-only', workspace: '/home/me/projects' },
  ]);
  await press('Done');
  expect(await rowOf('Notes')).toHaveTextContent('Read only, in projects');
});

test('limits that are rejected are unfolded', async () => {
  const host = open('keys');
  await press('New key');
  await type('Name', 'Notes');
  host.failNext('createKey', { message: '1 setting needs fixing', fields: [{ field: 'workspace', message: 'Gone.' }] });
  await press('Create');
  await screen.findByText('Gone.');
  expect(screen.getByLabelText('Working folder')).toBeVisible();
});

test('a key can be for plain models only, and its row says so', async () => {
  const host = open('keys');
  await press('New key');
  await type('Name', 'Tablet');
  await openLimits();
  const plain = await screen.findByRole('switch', { name: 'Plain models only' });
  expect(plain).toHaveAttribute('aria-checked', 'false');
  expect(plain).toHaveAccessibleDescription(/can read every file that you can/);
  await fireEvent.click(plain);
  expect(screen.queryByLabelText('Working folder')).toBeNull();
  await press('Create');
  await dialog('New key “Tablet”');
  expect(callsTo(host, 'createKey')).toEqual([['Tablet', PLAIN_MODELS]]);
  await press('Done');
  expect(await rowOf('Tablet')).toHaveTextContent('Plain models only');
  await choose('More: key Tablet', 'Limits…');
  await fireEvent.click(await screen.findByRole('switch', { name: 'Plain models only' }));
  await press('Save');
  await waitFor(() => expect(callsTo(host, 'limitKey').at(-1)?.[1]).toEqual(NO_LIMITS));
});

test('while others can connect, a new key is for plain models unless that is turned off', async () => {
  const host = open('keys');
  await host.listenOnDockerBridge();
  await press('New key');
  await type('Name', 'Tablet');
  // The choice is visible while it is folded.
  await screen.findByText('Plain models only');
  await openLimits();
  const plain = await screen.findByRole('switch', { name: 'Plain models only' });
  await waitFor(() => expect(plain).toHaveAttribute('aria-checked', 'true'));
  await fireEvent.click(plain);
  await press('Create');
  await dialog('New key “Tablet”');
  expect(callsTo(host, 'createKey')).toEqual([['Tablet', NO_LIMITS]]);
});

test('the limits of an existing key can be changed', async () => {
  const host = open('keys');
  expect(await rowOf('Default')).toHaveTextContent(/^Default$/);
  expect(await rowOf('Scripts')).toHaveTextContent('Read only, in notes');
  await choose('More: key Scripts', 'Limits…');
  const asks = await dialog('Limits for “Scripts”');
  expect(asks.getByLabelText('Working folder')).toHaveValue('/home/me/projects/notes');
  await type('Working folder', '');
  await press('Save');
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
  expect(callsTo(host, 'limitKey')).toEqual([['k3', { ...NO_LIMITS, sandbox: 'read-only' }]]);
  expect(await rowOf('Scripts')).toHaveTextContent(/Read only$/);
  expect(announcement()).toBe('Limits for Scripts saved.');
});

test('a limit that the settings no longer allow is still shown, and saving it shows the error', async () => {
  const host = open('keys');
  await host.limitKey('k2', { ...NO_LIMITS, sandbox: 'workspace-write' });
  await choose('More: key Work laptop', 'Limits…');
  expect(await screen.findByLabelText('Permissions for codex-local')).toHaveValue('workspace-write');
  host.failNext('limitKey', {
    message: '1 setting needs fixing',
    fields: [{ field: 'sandbox', message: 'A key can only be stricter.' }],
  });
  await press('Save');
  await screen.findByText('A key can only be stricter.');
  expect(screen.getByRole('dialog')).toBeVisible();
});

const openAmount = () => press('Limit models, time and amount…');
const openTools = () => press('Limit web search, MCP servers, asking and chats…');

test('each rule of a key is in its row, with what is used of it', async () => {
  open('keys', { scenario: 'key-rules' });
  const rules = async (name: string) =>
    [...(await rowOf(name)).querySelectorAll('li')].map(
      (item) => item.textContent + (item.classList.contains('stopped') ? '!' : ''),
    );
  expect(await rules('Family tablet')).toEqual([
    'Plain models only',
    'Only gpt-5*, gpt-6-luna',
    'Expires 31 Jan 2027',
    '12,300 of 50,000 tokens today',
    '3 of 10 requests in the last minute',
    'Stops at 80 % of the week (now 38 %)',
  ]);
  expect(await rules('Agent in a box')).toEqual([
    'Read only',
    'No web search',
    'No MCP servers',
    'Asks before leaving the sandbox',
    'Used up: 204,512 of 200,000 tokens today!',
    'Stopped at 30 % of the week (now 38 %)!',
  ]);
  expect(await rules('Workshop')).toEqual(['Expired 31 Oct 2026!']);
  expect(await rules('Default')).toEqual([]);
});

test('models, time and amount of a new key are limited in their fields', async () => {
  const host = open('keys');
  await press('New key');
  await type('Name', 'Tablet');
  await openLimits();
  await openAmount();
  await type('Models', 'gpt-5*, o9');
  await fireEvent.input(screen.getByLabelText('Last day'), { target: { value: '2027-01-31' } });
  await type('Tokens a day', '50000');
  await type('Requests a minute', '10');
  expect(screen.getByLabelText('Stop at')).toHaveAccessibleDescription(
    /% of the week.*rest of the account's weekly limit/,
  );
  await type('Stop at', '80');
  await openAmount();
  expect(screen.queryByLabelText('Tokens a day')).toBeNull();
  await screen.findByText(
    'Only gpt-5*, o9, Expires 31 Jan 2027, 50,000 tokens a day, 10 requests a minute, Stops at 80 % of the week',
  );
  await press('Create');
  await dialog('New key “Tablet”');
  expect(callsTo(host, 'createKey')).toEqual([
    [
      'Tablet',
      {
        ...NO_LIMITS,
        models: 'gpt-5*, o9',
        expires: '2027-01-31',
        tokensPerDay: '50000',
        requestsPerMinute: '10',
        reservePercent: '80',
      },
    ],
  ]);
});

test('a number that is rejected is unfolded, and taken back it is no limit', async () => {
  const host = open('keys');
  await choose('More: key Scripts', 'Limits…');
  await openAmount();
  await type('Tokens a day', 'many');
  await openAmount();
  await press('Save');
  const field = await screen.findByLabelText('Tokens a day');
  expect(field).toHaveAccessibleDescription(/Enter a number of tokens/);
  expect(field).toHaveAttribute('aria-invalid', 'true');
  await type('Tokens a day', '');
  await press('Save');
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
  const kept = { ...NO_LIMITS, sandbox: 'read-only', workspace: '/home/me/projects/notes' };
  expect(callsTo(host, 'limitKey').at(-1)).toEqual(['k3', kept]);
});

test('web search, MCP servers, asking and kept chats of a key can be switched', async () => {
  const host = open('keys');
  await choose('More: key Scripts', 'Limits…');
  await openTools();
  for (const name of ['Web search', 'MCP servers'])
    await fireEvent.click(screen.getByRole('switch', { name, checked: true }));
  const ask = screen.getByLabelText('Ask before leaving the sandbox');
  await fireEvent.change(ask, { target: { value: 'off' } });
  await fireEvent.change(screen.getByLabelText('Keep chats in Codex'), { target: { value: 'on' } });
  await press('Save');
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
  expect(callsTo(host, 'limitKey').at(-1)?.[1]).toMatchObject({
    webSearch: false,
    noMcpServers: true,
    mayAsk: false,
    keepChats: true,
  });
  expect(await rowOf('Scripts')).toHaveTextContent(/No web search.*No MCP servers.*Never asks.*Keeps chats in Codex/);
});

test('a key for plain models has no web search unless it is switched on, and nothing of codex-local', async () => {
  const host = open('keys');
  await choose('More: key Scripts', 'Limits…');
  await fireEvent.click(await screen.findByRole('switch', { name: 'Plain models only' }));
  await openTools();
  expect(screen.queryByRole('switch', { name: 'MCP servers' })).toBeNull();
  expect(screen.queryByLabelText('Ask before leaving the sandbox')).toBeNull();
  await fireEvent.click(screen.getByRole('switch', { name: 'Web search', checked: false }));
  await press('Save');
  await waitFor(() => expect(callsTo(host, 'limitKey').at(-1)?.[1]).toEqual({ ...PLAIN_MODELS, webSearch: true }));
});

test('without a ChatGPT sign-in a key cannot stop at a share of the week, and says why', async () => {
  open('keys', { scenario: 'not-signed-in' });
  await press('New key');
  await openLimits();
  await openAmount();
  const field = screen.getByLabelText('Stop at');
  expect(field).toBeDisabled();
  expect(field).toHaveAccessibleDescription(/Needs a ChatGPT sign-in/);
});

test('while it is unknown how much of the week is used, a key that stops at a share of it is shown as stopped', async () => {
  const host = open('keys', { scenario: 'not-signed-in' });
  await host.limitKey('k3', { ...NO_LIMITS, reservePercent: '80' });
  await waitFor(async () => expect(await rowOf('Scripts')).toHaveTextContent(/isn't known \(stops at 80 %\)/));
});

test('turning keys off asks for confirmation and saves only that', async () => {
  const host = open('keys');
  const toggle = await screen.findByRole('switch', { name: 'Require a key' });
  await waitFor(() => expect(toggle).toBeEnabled());
  await fireEvent.click(toggle);
  await dialog('Turn off keys?');
  expect(callsTo(host, 'setSettings')).toEqual([]);
  await press('Turn off');
  await waitFor(() => expect(toggle).toHaveAttribute('aria-checked', 'false'));
  expect(callsTo(host, 'setSettings')).toEqual([[{ keys_needed: false }]]);
  await press('Undo');
  await waitFor(() => expect(toggle).toHaveAttribute('aria-checked', 'true'));
});

test('keys cannot be turned off while containers can connect', async () => {
  const host = open('keys');
  await host.listenOnDockerBridge();
  await screen.findByText(/Can't be turned off while containers/);
  expect(screen.getByRole('switch', { name: 'Require a key' })).toBeDisabled();
});

test('without keys the view offers to create one', async () => {
  const host = open('keys');
  await screen.findByRole('rowheader', { name: 'Default' });
  for (const id of ['k1', 'k2', 'k3']) await host.revokeKey(id);
  await screen.findByText('No keys yet');
  await press('New key');
  await screen.findByLabelText('Name');
});

test('without a keyring the keychain can be tried again', async () => {
  const host = open('keys', { scenario: 'no-keyring' });
  await screen.findByText(/No default keyring yet\. Create one in Passwords and Keys, then try again\./);
  await press('Try again');
  await waitFor(() => expect(screen.queryByText(/No default keyring yet/)).toBeNull());
  expect(callsTo(host, 'recheckKeychain')).toHaveLength(1);
});

test('a key that is used for the first time is shown as used', async () => {
  const host = open('keys');
  const unused = (await host.keys()).find(({ lastUsed }) => lastUsed === null)!;
  await screen.findByText(unused.name);
  const loads = callsTo(host, 'keys').length;
  host.emit('exchange', row({ id: 'e1', key: unused.name }));
  await waitFor(() => expect(callsTo(host, 'keys').length).toBe(loads + 1));
});
