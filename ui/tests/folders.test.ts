import { fireEvent, screen, waitFor, within } from '@testing-library/svelte';
import { expect, test } from 'vitest';
import { SAMPLE_FOLDERS } from '../src/lib/fake/scenario';
import { describeFolder, newFolder, suggestName } from '../src/lib/folders';
import { button, callsTo, dialog, open, openSettings, press, type } from './helpers';

const NEW = {
  name: 'projects',
  folder: '/home/me/projects',
  sandbox: null,
  ask: null,
  keep: null,
  instructions: '',
  keys: [],
};

test('without folders, the page says what they are for', async () => {
  await openSettings('Folders');
  expect(screen.getByRole('heading', { name: /model menu becomes a project menu/ })).toBeVisible();
  expect(screen.queryByRole('button', { name: 'Reset this page to defaults' })).toBeNull();
});

test('a folder is added with a name from its path', async () => {
  const host = await openSettings('Folders');
  await press('Add folder');
  const form = await dialog('Add a folder');
  await fireEvent.click(form.getByRole('button', { name: 'Browse for the folder' }));
  await waitFor(() => expect(form.getByLabelText('Name')).toHaveValue('projects'));
  await fireEvent.change(form.getByLabelText('Permissions'), { target: { value: 'workspace-write' } });
  await fireEvent.change(form.getByLabelText(/^Ask/), { target: { value: 'on' } });
  await fireEvent.change(form.getByLabelText('Keep chats in Codex'), { target: { value: 'on' } });
  await type('Instructions', 'Use tabs.');
  await fireEvent.click(form.getByRole('button', { name: 'Add folder' }));
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
  const added = { ...NEW, sandbox: 'workspace-write', ask: true, keep: true, instructions: 'Use tabs.' };
  expect(callsTo(host, 'setSettings')).toEqual([[{ folders: [added] }]]);
  expect(screen.getByText('codex:projects')).toBeVisible();
  expect(screen.getByText('Write in its folder · Asks you · Keeps chats · Instructions')).toBeVisible();
});

test('an invalid folder says why, and the dialog stays', async () => {
  const host = await openSettings('Folders', { folders: SAMPLE_FOLDERS });
  await press('Add folder');
  const form = await dialog('Add a folder');
  await type('Folder', '/srv/notes');
  await type('Name', 'Notes');
  await fireEvent.click(form.getByRole('button', { name: 'Add folder' }));
  expect(await form.findByRole('alert')).toHaveTextContent(/^Another folder has this name/);
  await type('Name', 'notes-2');
  await fireEvent.click(form.getByRole('button', { name: 'Add folder' }));
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
  expect(callsTo(host, 'setSettings')).toHaveLength(2);
});

test('a folder is edited, limited to keys and removed, which can be undone', async () => {
  const host = await openSettings('Folders', { folders: SAMPLE_FOLDERS });
  await press('Edit codex:web-shop');
  const form = await dialog('Edit codex:web-shop');
  await fireEvent.click(form.getByLabelText('Only these keys'));
  await fireEvent.click(form.getByRole('button', { name: 'Save' }));
  expect(await form.findByRole('alert')).toHaveTextContent('Choose at least one key');
  await fireEvent.click(form.getByLabelText('Work laptop'));
  await fireEvent.click(form.getByRole('button', { name: 'Save' }));
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
  const [shop, ...others] = SAMPLE_FOLDERS;
  const edited = [{ ...shop, keys: ['k2'] }, ...others];
  expect(callsTo(host, 'setSettings').at(-1)).toEqual([{ folders: edited }]);
  await press('Remove codex:notes');
  await waitFor(() => expect(screen.queryByText('codex:notes')).toBeNull());
  await fireEvent.click((await screen.findAllByRole('button', { name: 'Undo' })).at(-1)!);
  await waitFor(() => expect(callsTo(host, 'setSettings').at(-1)).toEqual([{ folders: edited }]));
});

test('a revoked key leaves a folder closed to the others', async () => {
  const host = await openSettings('Folders', { folders: [{ ...SAMPLE_FOLDERS[1]!, keys: ['gone'] }] });
  expect(screen.getByText('Read only · Seen by no key')).toBeVisible();
  await press('Edit codex:notes');
  const form = await dialog('Edit codex:notes');
  await waitFor(() => expect(form.getByLabelText('Default')).toBeVisible());
  expect(form.getByLabelText('A revoked key')).toBeChecked();
  await fireEvent.click(form.getByRole('button', { name: 'Save' }));
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
  for (const [changes] of callsTo(host, 'setSettings'))
    expect(changes).toMatchObject({ folders: [{ keys: ['gone'] }] });
});

test('full access has to be typed, once', async () => {
  const host = await openSettings('Folders', { folders: SAMPLE_FOLDERS });
  await press('Edit codex:web-shop');
  const form = await dialog('Edit codex:web-shop');
  await fireEvent.change(form.getByLabelText('Permissions'), { target: { value: 'danger-full-access' } });
  expect(form.getByLabelText(/^Ask/)).toBeDisabled();
  expect(form.getByRole('button', { name: 'Allow full access' })).toBeDisabled();
  expect(form.getByRole('button', { name: 'Allow full access' })).toHaveClass('danger');
  expect(form.getByRole('button', { name: 'Allow full access' })).not.toHaveClass('primary');
  await fireEvent.submit(form.getByRole('button', { name: 'Allow full access' }).closest('form')!);
  expect(callsTo(host, 'setSettings')).toEqual([]);
  await type(/^Type/, 'full access');
  await fireEvent.click(form.getByRole('button', { name: 'Allow full access' }));
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
  expect(callsTo(host, 'setSettings')).toHaveLength(1);
  await press('Edit codex:home-server');
  expect((await dialog('Edit codex:home-server')).getByRole('button', { name: 'Save' })).toBeEnabled();
});

test('a folder that is dropped on the window opens the dialog with it', async () => {
  const host = open('status', { folders: SAMPLE_FOLDERS });
  await screen.findByRole('heading', { level: 1 });
  host.emit('drag', true);
  expect(await screen.findByText('Drop a folder to make it a model')).toBeInTheDocument();
  host.emit('folder_dropped', '/srv/My site');
  const form = await dialog('Add a folder');
  expect(screen.queryByText('Drop a folder to make it a model')).toBeNull();
  expect(form.getByLabelText('Folder')).toHaveValue('/srv/My site');
  expect(form.getByLabelText('Name')).toHaveValue('My-site');
  await fireEvent.click(form.getByRole('button', { name: 'Cancel' }));
  // One that is there already is edited.
  host.emit('folder_dropped', '/home/me/notes');
  await dialog('Edit codex:notes');
  host.emit('folder_dropped', null);
  await waitFor(() => expect(screen.getByLabelText('Messages')).toHaveTextContent('Drop a folder'));
});

test('folders are choices for aliases and in the Playground', async () => {
  open('playground', { folders: SAMPLE_FOLDERS });
  const models = await screen.findByLabelText('Model');
  await waitFor(() => expect(within(models).getByRole('option', { name: 'codex:notes' })).toBeInTheDocument());
});

test('an alias can stand for a folder', async () => {
  await openSettings('Models', { folders: SAMPLE_FOLDERS });
  await press('Add alias');
  const alias = screen.getByLabelText('Model for alias 1');
  expect(within(alias).getByRole('option', { name: 'codex:web-shop' })).toBeInTheDocument();
  expect(await button('Add alias')).toBeVisible();
});

test('names are suggested from paths', () => {
  expect(suggestName('/home/me/web-shop/', [])).toBe('web-shop');
  expect(suggestName('C:\\Users\\me\\Café & Bar', [])).toBe('Cafe-Bar');
  expect(suggestName('/日本', [])).toBe('folder');
  expect(suggestName('/srv/NOTES', SAMPLE_FOLDERS)).toBe('NOTES-2');
  expect(suggestName(`/${'x'.repeat(80)}`, [])).toHaveLength(47);
  expect(newFolder('', []).name).toBe('');
  expect(describeFolder({ ...newFolder('/a', []), ask: false }, 'read-only', [])).toBe('Read only · Never asks');
});
