import { fireEvent, screen, waitFor } from '@testing-library/svelte';
import { expect, test } from 'vitest';
import { callsTo, button, dialog, open, press, announcement, type } from './helpers';

test('invalid fields show their errors, and other changes are kept', async () => {
  const host = open('settings');
  await type('Port', '99999');
  await type('Keep requests', '0');
  await fireEvent.click(screen.getByRole('switch', { name: /Save prompts and answers/ }));
  await press('Save');

  const port = screen.getByLabelText('Port');
  await waitFor(() => expect(port).toHaveAttribute('aria-invalid', 'true'));
  expect(port).toHaveAccessibleDescription(/Enter a port from 1 to 65535/);
  expect(screen.getByLabelText('Keep requests')).toHaveAccessibleDescription(/number of days from 1 to 3650/);
  expect(port).toHaveValue('99999');
  expect(screen.getByRole('switch', { name: /Save prompts and answers/ })).toHaveAttribute('aria-checked', 'true');
  await waitFor(() => expect(port).toHaveFocus());

  await type('Port', '9000');
  expect(port).toHaveAttribute('aria-invalid', 'false');
  await type('Keep requests', '7');
  await press('Save');
  await screen.findByText(/All changes saved/);
  expect(callsTo(host, 'setSettings').at(-1)).toEqual([{ port: 9000, keep_days: 7, keep_texts: true }]);
});

test('the save bar counts the changes, and saving says that they apply', async () => {
  open('settings');
  await type('Keep requests', '7');
  await type('Port', '9000');
  await screen.findByText('2 unsaved changes');
  await press('Save');
  await waitFor(() => expect(announcement()).toContain('New requests use the new settings'));
});

test('limits show their ranges and are saved together', async () => {
  const host = open('settings');
  await type('Parallel answers', '0');
  await type('Idle timeout', '9999');
  await press('Save');
  const most = screen.getByLabelText('Parallel answers');
  await waitFor(() => expect(most).toHaveAttribute('aria-invalid', 'true'));
  expect(most).toHaveAccessibleDescription(/Enter a number of requests from 1 to 100\./);
  expect(screen.getByLabelText('Idle timeout')).toHaveAccessibleDescription(/minutes from 1 to 1440\./);

  await type('Parallel answers', '2');
  await type('Queue size', '0');
  await type('Queue timeout', '30');
  await type('Answer timeout', '5');
  await type('Idle timeout', '1');
  await press('Save');
  await screen.findByText(/All changes saved/);
  expect(callsTo(host, 'setSettings').at(-1)).toEqual([
    { max_turns: 2, max_waiting: 0, max_wait_seconds: 30, turn_limit_minutes: 5, silence_limit_minutes: 1 },
  ]);
});

test('unsaved changes survive a visit to another view', async () => {
  open('settings');
  await type('Port', '9000');
  await fireEvent.click(screen.getByRole('button', { name: 'Status' }));
  await screen.findByRole('heading', { level: 1, name: 'Running on port 8000' });
  await fireEvent.click(screen.getByRole('button', { name: /Settings.*unsaved changes/ }));
  expect(await screen.findByLabelText('Port')).toHaveValue('9000');
  await press('Discard');
  expect(screen.getByLabelText('Port')).toHaveValue('8000');
});

test('full access requires the typed phrase', async () => {
  const host = open('settings');
  await fireEvent.click(await screen.findByRole('radio', { name: 'Full access' }));
  await dialog('Give Codex full access?');
  expect(screen.getByRole('radio', { name: 'Full access' })).not.toBeChecked();
  expect(screen.getByRole('radio', { name: 'Read only' })).toBeChecked();

  const allow = await button('Allow full access');
  expect(allow).toBeDisabled();
  const words = await type(/Type full access/, 'full acces');
  expect(allow).toBeDisabled();
  await fireEvent.submit(words.form as HTMLFormElement);
  expect(screen.getByRole('dialog')).toBeVisible();

  await type(/Type full access/, 'full access');
  await fireEvent.submit(words.form as HTMLFormElement);
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
  expect(screen.getByRole('radio', { name: 'Full access' })).toBeChecked();
  expect(callsTo(host, 'setSettings')).toEqual([]);
  await press('Save');
  await screen.findByText(/All changes saved/);
  expect(callsTo(host, 'setSettings')).toEqual([[{ sandbox: 'danger-full-access' }]]);
});

test('cancelling the confirmation leaves full access off', async () => {
  open('settings');
  await fireEvent.click(await screen.findByRole('radio', { name: 'Full access' }));
  await press('Cancel');
  expect(screen.getByRole('radio', { name: 'Read only' })).toBeChecked();
  expect(screen.getByText(/All changes saved/)).toBeVisible();
});

test('the reasoning format can be chosen and saved', async () => {
  const host = open('settings');
  const beside = await screen.findByRole('radio', { name: /Separate field/ });
  expect(beside).toBeChecked();
  await fireEvent.click(screen.getByRole('radio', { name: /Inline <think>/ }));
  expect(beside).not.toBeChecked();
  await press('Save');
  await screen.findByText(/All changes saved/);
  expect(callsTo(host, 'setSettings')).toEqual([[{ reasoning: 'think' }]]);
});

test('activity is shown by default, and its hint follows the reasoning format', async () => {
  const host = open('settings');
  const work = await screen.findByRole('switch', { name: 'Show commands and file changes' });
  expect(work).toHaveAttribute('aria-checked', 'true');
  expect(work).toHaveAccessibleDescription(/commands, file changes and searches/);
  await fireEvent.click(screen.getByRole('radio', { name: 'Hide' }));
  expect(work).toHaveAccessibleDescription(/part of the reasoning, which is hidden now/);
  await fireEvent.click(work);
  expect(work).toHaveAccessibleDescription(/^Off:/);
  await press('Save');
  await screen.findByText(/All changes saved/);
  expect(callsTo(host, 'setSettings')).toEqual([[{ reasoning: 'none', show_activity: false }]]);
});

test('model aliases can be added, changed and removed', async () => {
  const host = open('settings');
  await press('Add alias');
  expect(screen.getByLabelText('Alias 1')).toHaveFocus();
  // An empty row does not count as a change.
  expect(screen.getByText(/All changes saved/)).toBeVisible();
  await type('Alias 1', 'gpt-4o');
  await press('Save');
  await waitFor(() => expect(screen.getByLabelText('Alias 1')).toHaveAttribute('aria-invalid', 'true'));
  expect(screen.getByLabelText('Alias 1')).toHaveAccessibleDescription(/both an alias and a model/);
  await fireEvent.change(screen.getByLabelText('Model for alias 1'), { target: { value: 'gpt-5.5' } });
  await press('Add alias');
  await type('Alias 2', 'agent');
  await fireEvent.change(screen.getByLabelText('Model for alias 2'), { target: { value: 'codex-local' } });
  await press('Save');
  await screen.findByText(/All changes saved/);
  expect(callsTo(host, 'setSettings').at(-1)).toEqual([
    { model_aliases: { agent: 'codex-local', 'gpt-4o': 'gpt-5.5' } },
  ]);

  await press('Remove alias 1');
  await screen.findByText(/1 unsaved change/);
  await press('Discard');
  await screen.findByLabelText('Alias 2');
  await press('Remove alias 2');
  await press('Remove alias 1');
  await press('Save');
  await screen.findByText(/All changes saved/);
  expect(callsTo(host, 'setSettings').at(-1)).toEqual([{ model_aliases: {} }]);
});

test('an alias can be added before the models are known', async () => {
  const host = open('settings', { scenario: 'codex-missing' });
  await press('Add alias');
  await type('Alias 1', 'gpt-4o');
  await type('Model for alias 1', 'gpt-9');
  await press('Save');
  await screen.findByText(/All changes saved/);
  expect(callsTo(host, 'setSettings')).toEqual([[{ model_aliases: { 'gpt-4o': 'gpt-9' } }]]);
});

test('background tasks use a small model until that is turned off', async () => {
  const host = open('settings');
  const side = await screen.findByRole('switch', { name: /small model for chat titles and tags/ });
  expect(side).toHaveAttribute('aria-checked', 'true');
  await fireEvent.click(side);
  expect(side).toHaveAccessibleDescription(/^Off:/);
  await press('Save');
  await screen.findByText(/All changes saved/);
  expect(callsTo(host, 'setSettings')).toEqual([[{ task_model: false }]]);
});

test('images are fetched by address until that is turned off', async () => {
  const host = open('settings');
  const fetching = await screen.findByRole('switch', { name: /Fetch images/ });
  expect(fetching).toHaveAttribute('aria-checked', 'true');
  await fireEvent.click(fetching);
  expect(fetching).toHaveAccessibleDescription(/^Off:/);
  await press('Save');
  await screen.findByText(/All changes saved/);
  expect(callsTo(host, 'setSettings')).toEqual([[{ fetch_images: false }]]);
});

test('host names and web pages are saved one per line', async () => {
  const host = open('settings');
  await type('Host names', 'laptop.lan\nnas.lan');
  await type('Web pages', 'https://chat.example');
  await press('Save');
  await screen.findByText(/All changes saved/);
  const lists = { allowed_origins: ['https://chat.example'], allowed_hosts: ['laptop.lan', 'nas.lan'] };
  expect(callsTo(host, 'setSettings')).toEqual([[lists]]);
});

test('an edited Codex path is checked right away', async () => {
  const host = open('settings');
  await screen.findByText(/Codex 0.169.0/);
  await type('Codex', '/bin/true');
  await screen.findByText("This isn't Codex: it doesn't support --version.");
  expect(callsTo(host, 'checkCodex')).toEqual([['/bin/true']]);
  await press('Browse for Codex');
  expect(screen.getByLabelText('Codex')).toHaveValue('/opt/codex/bin/codex');
  await screen.findByText('Codex 0.169.0');
});

test('an effort that the new model does not support is reset', async () => {
  open('settings');
  await fireEvent.change(await screen.findByLabelText('Model for codex-local'), { target: { value: 'gpt-6.1-sol' } });
  await fireEvent.change(screen.getByLabelText('Effort'), { target: { value: 'xhigh' } });
  await fireEvent.change(screen.getByLabelText('Model for codex-local'), { target: { value: 'gpt-6-luna' } });
  expect(screen.getByLabelText('Effort')).toHaveValue('');
});

test('network access options list their addresses', async () => {
  open('settings');
  const docker = await screen.findByRole('radio', { name: 'This computer and Docker containers' });
  expect(docker).toHaveAccessibleDescription(/172\.17\.0\.1:8000/);
});

test('an unavailable option is disabled and explained', async () => {
  open('settings', { scenario: 'empty' });
  const docker = await screen.findByRole('radio', { name: 'This computer and Docker containers' });
  expect(docker).toBeDisabled();
  expect(docker).toHaveAccessibleDescription('No Docker bridge found. Start Docker to use this.');
});

test('a damaged settings file is reported', async () => {
  open('settings', { scenario: 'damaged' });
  await screen.findByText(/settings\.json\.broken-1/);
});

test('an error without a field is shown in the save bar', async () => {
  const host = open('settings');
  await type('Port', '9000');
  host.failNext('setSettings', { message: 'The disk is full.', fields: [] });
  await press('Save');
  await screen.findByText('The disk is full. Nothing was saved.');
  expect(screen.getByLabelText('Port')).toHaveValue('9000');
});

test('copying diagnostics is announced', async () => {
  const host = open('settings');
  await press('Copy diagnostics: versions, settings and recent errors');
  expect(callsTo(host, 'copyDiagnostics')).toEqual([[]]);
  await waitFor(() => expect(announcement()).toBe('Copied: versions, settings and recent errors'));
  expect(callsTo(host, 'setSettings')).toEqual([]);
});
