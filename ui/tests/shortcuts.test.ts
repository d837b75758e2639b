import { fireEvent, screen, waitFor, within } from '@testing-library/svelte';
import { afterEach, expect, test, vi } from 'vitest';
import { VIEW_LABELS, VIEWS } from '../src/lib/host';
import { keysOf, SHORTCUTS } from '../src/lib/shortcuts';
import { announcement, button, callsTo, dialog, open, press } from './helpers';

const title = (name: string | RegExp) => screen.findByRole('heading', { level: 1, name });

function ctrl(key: string, init: KeyboardEventInit = {}, target: EventTarget = document.activeElement ?? window) {
  return fireEvent.keyDown(target as Element, { key, ctrlKey: true, ...init });
}

afterEach(() => vi.unstubAllGlobals());

test('Ctrl and a digit open the views in the order of the sidebar, on any keyboard layout', async () => {
  open('status');
  for (const [index, view] of VIEWS.entries()) {
    // A French keyboard types `&é"'(` there.
    await ctrl('&é"\'(-è'[index] ?? '', { code: `Digit${index + 1}` });
    expect(screen.getByRole('button', { name: VIEW_LABELS[view] })).toHaveAttribute('aria-current', 'page');
  }
});

test('Ctrl and comma open Settings', async () => {
  open('status');
  await ctrl(',');
  await title('Settings');
});

test('Ctrl+F goes to the search of the view, and selects what is there', async () => {
  open('requests');
  const search = await screen.findByRole('searchbox');
  await fireEvent.input(search, { target: { value: 'curl' } });
  await ctrl('f');
  expect(search).toHaveFocus();
  expect((search as HTMLInputElement).selectionStart).toBe(0);
});

test('Ctrl+N creates a key from any view', async () => {
  open('status');
  await title(/^Running/);
  await ctrl('n');
  await dialog('New key');
  await title('Keys');
  await press('Cancel');
  // Coming back later does not ask again.
  await press('Status');
  await press('Keys');
  expect(screen.queryByRole('dialog')).toBeNull();
});

test('Ctrl+W closes the window and Ctrl+Q quits, in a dialog too', async () => {
  const host = open('keys');
  await press('New key');
  await screen.findByLabelText('Name');
  await ctrl('w');
  await ctrl('q');
  expect(callsTo(host, 'closeWindow')).toHaveLength(1);
  expect(callsTo(host, 'quit')).toHaveLength(1);
});

test('in a dialog, shortcuts do not change what is behind it', async () => {
  open('keys');
  await press('New key');
  await screen.findByLabelText('Name');
  await ctrl('1');
  await ctrl('k');
  expect(screen.getAllByRole('dialog')).toHaveLength(1);
  await title('Keys');
});

test('Ctrl+Z runs the action of the last toast, but not while a text is typed', async () => {
  open('requests');
  const search = await screen.findByRole('searchbox');
  search.focus();
  expect(await ctrl('z')).toBe(true);
  search.blur();
  expect(await ctrl('z')).toBe(false);
});

test('? shows all shortcuts, but not while a text is typed', async () => {
  open('requests');
  const search = await screen.findByRole('searchbox');
  await fireEvent.keyDown(search, { key: '?', shiftKey: true });
  expect(screen.queryByRole('dialog')).toBeNull();
  await fireEvent.keyDown(document.body, { key: '?', shiftKey: true });
  const sheet = await dialog('Keyboard shortcuts');
  for (const { id, label } of SHORTCUTS) {
    expect(sheet.getByText(label, { selector: 'dt' }).nextElementSibling).toHaveTextContent(keysOf(id));
  }
  await fireEvent.click(sheet.getByRole('button', { name: 'Close' }));
  expect(screen.queryByRole('dialog')).toBeNull();
});

test('no two shortcuts have the same keys', () => {
  const keys = SHORTCUTS.map(({ id }) => keysOf(id));
  expect(new Set(keys).size).toBe(keys.length);
});

test('tooltips say the keys', async () => {
  open('keys');
  expect(screen.getByRole('button', { name: 'Status' })).toHaveAttribute('title', 'Ctrl+1');
  expect(await button('New key')).toHaveAttribute('title', 'Ctrl+N');
});

test('on macOS the keys are with ⌘, and Ctrl is left to the system', async () => {
  vi.stubGlobal('navigator', { ...navigator, platform: 'MacIntel' });
  vi.resetModules();
  const mac = await import('../src/lib/shortcuts');
  expect(mac.keysOf('newKey')).toBe('⌘N');
  const pressed = (init: KeyboardEventInit) => mac.shortcutFor(new KeyboardEvent('keydown', { key: 'n', ...init }))?.id;
  expect(pressed({ metaKey: true })).toBe('newKey');
  expect(pressed({ ctrlKey: true })).toBeUndefined();
  expect(pressed({ metaKey: true, shiftKey: true })).toBeUndefined();
});

const field = () => screen.findByRole('combobox', { name: 'Command' });
const options = () => screen.getAllByRole('option').map((option) => option.firstElementChild?.textContent);

test('Ctrl+K lists the commands, typing filters them, and Enter runs the chosen one', async () => {
  const host = open('status');
  await title(/^Running/);
  const opener = screen.getByRole('button', { name: 'Requests' });
  opener.focus();
  await ctrl('k');
  const input = await field();
  expect(input).toHaveFocus();
  expect(options()).toEqual(expect.arrayContaining(['Status', 'Copy base URL', 'New key', 'Stop the proxy']));
  await fireEvent.input(input, { target: { value: 'bas' } });
  expect(options()).toEqual(['Copy base URL']);
  await fireEvent.keyDown(input, { key: 'Enter' });
  await waitFor(() => expect(callsTo(host, 'copyText')).toEqual([['http://127.0.0.1:8000/v1']]));
  expect(screen.queryByRole('dialog')).toBeNull();
  expect(opener).toHaveFocus();
  await waitFor(() => expect(announcement()).toBe('Base URL copied.'));
});

test('the arrow keys choose a command, which a screen reader hears, and Escape closes the menu', async () => {
  open('status');
  await title(/^Running/);
  await ctrl('k');
  const input = await field();
  const active = () => document.getElementById(input.getAttribute('aria-activedescendant') ?? '');
  const list = document.getElementById(input.getAttribute('aria-controls') ?? '') as HTMLElement;
  const all = within(list).getAllByRole('option');
  expect(active()).toBe(all[0]);
  await fireEvent.keyDown(input, { key: 'ArrowUp' });
  expect(active()).toBe(all.at(-1));
  expect(active()).toHaveAttribute('aria-selected', 'true');
  await fireEvent.keyDown(input, { key: 'ArrowDown' });
  expect(active()).toBe(all[0]);
  await fireEvent.input(input, { target: { value: 'nothing like that' } });
  expect(input).not.toHaveAttribute('aria-activedescendant');
  expect(screen.getByText('No matching commands')).toBeVisible();
  await fireEvent.keyDown(input, { key: 'Escape' });
  expect(screen.queryByRole('dialog')).toBeNull();
});

test('the command menu copies a key by name, and says when it leaves the clipboard', async () => {
  const host = open('status');
  await ctrl('k');
  await waitFor(() => expect(options()).toContain('Copy key Default'));
  await fireEvent.click(screen.getByText('Copy key Default'));
  await waitFor(() => expect(callsTo(host, 'copyKey')).toEqual([['k1']]));
  await screen.findByText('Copied. Cleared in 90 s.', { selector: 'p' });
});

test('the command menu stops a running proxy, and starts a stopped one', async () => {
  const host = open('status');
  await title(/^Running/);
  for (const label of ['Stop the proxy', 'Start the proxy']) {
    await ctrl('k');
    await fireEvent.click(await screen.findByRole('option', { name: label }));
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
  }
  await waitFor(() => expect(callsTo(host, 'startProxy')).toHaveLength(1));
  expect(callsTo(host, 'stopProxy')).toHaveLength(1);
});

test('the command menu opens the documentation of a running proxy', async () => {
  const host = open('status');
  await title(/^Running/);
  await ctrl('k');
  await fireEvent.click(await screen.findByRole('option', { name: 'Open the API documentation' }));
  await waitFor(() => expect(callsTo(host, 'openLink')).toEqual([['http://127.0.0.1:8000/docs']]));
});

test('the command menu opens a page of the settings', async () => {
  open('status');
  await ctrl('k');
  await fireEvent.click(await screen.findByRole('option', { name: 'Settings: About' }));
  await title('Settings');
  expect(await screen.findByRole('tab', { name: 'About' })).toHaveAttribute('aria-selected', 'true');
});

test('the menu beside the name has the command menu, the shortcuts and Quit', async () => {
  const host = open('status');
  await press('More');
  expect(screen.getAllByRole('menuitem').map((item) => item.textContent)).toEqual([
    'Command menuCtrl+K',
    'Keyboard shortcuts?',
    'Help',
    'About Codex Proxy',
    'Close the windowCtrl+W',
    'Quit Codex ProxyCtrl+Q',
  ]);
  await fireEvent.click(screen.getByRole('menuitem', { name: /^Quit/ }));
  expect(callsTo(host, 'quit')).toHaveLength(1);
});
