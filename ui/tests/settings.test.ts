import { fireEvent, screen, waitFor } from '@testing-library/svelte';
import { expect, test } from 'vitest';
import { callsTo, button, dialog, open, press, announcement, type } from './helpers';

test('wrong fields say so where they are, and nothing else is lost', async () => {
  const host = open('settings');
  await type('Port', '99999');
  await type('Request log', '0');
  await fireEvent.click(screen.getByRole('switch', { name: /Keep the texts/ }));
  await press('Save');

  const port = screen.getByLabelText('Port');
  await waitFor(() => expect(port).toHaveAttribute('aria-invalid', 'true'));
  expect(port).toHaveAccessibleDescription(/A port is a whole number from 1 to 65535/);
  expect(screen.getByLabelText('Request log')).toHaveAccessibleDescription(/From 1 to 3650 days/);
  expect(port).toHaveValue('99999');
  expect(screen.getByRole('switch', { name: /Keep the texts/ })).toHaveAttribute('aria-checked', 'true');
  await waitFor(() => expect(port).toHaveFocus());

  await type('Port', '9000');
  expect(port).toHaveAttribute('aria-invalid', 'false');
  await type('Request log', '7');
  await press('Save');
  await screen.findByText(/Everything is saved/);
  expect(callsTo(host, 'setSettings').at(-1)).toEqual([{ port: 9000, keep_days: 7, keep_texts: true }]);
});

test('before saving it is said what saving does', async () => {
  open('settings');
  await type('Request log', '7');
  await screen.findByText('It applies at once.');
  await type('Port', '9000');
  await screen.findByText(/2 changes, not saved yet/);
  await screen.findByText('It applies at once; answers that are being written finish first.');
  await press('Save');
  await waitFor(() => expect(announcement()).toContain('answers that are being written finish first'));
});

test('limits say their bounds, and saving them starts the proxy anew', async () => {
  const host = open('settings');
  await type('At once', '0');
  await type('Longest silence', '9999');
  await press('Save');
  const most = screen.getByLabelText('At once');
  await waitFor(() => expect(most).toHaveAttribute('aria-invalid', 'true'));
  expect(most).toHaveAccessibleDescription(/Write a number of requests from 1 to 100\./);
  expect(screen.getByLabelText('Longest silence')).toHaveAccessibleDescription(/minutes from 1 to 1440\./);

  await type('At once', '2');
  await type('Waiting', '0');
  await type('Longest wait', '30');
  await type('Longest answer', '5');
  await type('Longest silence', '1');
  await screen.findByText('It applies at once; answers that are being written finish first.');
  await press('Save');
  await screen.findByText(/Everything is saved/);
  expect(callsTo(host, 'setSettings').at(-1)).toEqual([
    { max_turns: 2, max_waiting: 0, max_wait_seconds: 30, turn_limit_minutes: 5, silence_limit_minutes: 1 },
  ]);
});

test('a look at another view loses nothing', async () => {
  open('settings');
  await type('Port', '9000');
  await fireEvent.click(screen.getByRole('button', { name: 'Status' }));
  await screen.findByRole('heading', { level: 1, name: 'Ready for requests' });
  await fireEvent.click(screen.getByRole('button', { name: /Settings.*unsaved changes/ }));
  expect(await screen.findByLabelText('Port')).toHaveValue('9000');
  await press('Undo');
  expect(screen.getByLabelText('Port')).toHaveValue('8000');
});

test('full access needs the typed words', async () => {
  const host = open('settings');
  await fireEvent.click(await screen.findByRole('radio', { name: 'Full access' }));
  await dialog('Give codex full access?');
  expect(screen.getByRole('radio', { name: 'Full access' })).not.toBeChecked();
  expect(screen.getByRole('radio', { name: 'Read only' })).toBeChecked();

  const choose = await button('Choose full access');
  expect(choose).toBeDisabled();
  const words = await type(/Type full access/, 'full acces');
  expect(choose).toBeDisabled();
  await fireEvent.submit(words.form as HTMLFormElement);
  expect(screen.getByRole('dialog')).toBeVisible();

  await type(/Type full access/, 'full access');
  await fireEvent.submit(words.form as HTMLFormElement);
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
  expect(screen.getByRole('radio', { name: 'Full access' })).toBeChecked();
  expect(callsTo(host, 'setSettings')).toEqual([]);
  await press('Save');
  await screen.findByText(/Everything is saved/);
  expect(callsTo(host, 'setSettings')).toEqual([[{ sandbox: 'danger-full-access' }]]);
});

test('full access that was not confirmed is not chosen', async () => {
  open('settings');
  await fireEvent.click(await screen.findByRole('radio', { name: 'Full access' }));
  await press('Cancel');
  expect(screen.getByRole('radio', { name: 'Read only' })).toBeChecked();
  expect(screen.getByText(/Everything is saved/)).toBeVisible();
});

test('how the reasoning is sent is chosen in words, and kept', async () => {
  const host = open('settings');
  const beside = await screen.findByRole('radio', { name: /Beside the answer/ });
  expect(beside).toBeChecked();
  await fireEvent.click(screen.getByRole('radio', { name: /Inside the answer/ }));
  expect(beside).not.toBeChecked();
  await screen.findByText('It applies at once; answers that are being written finish first.');
  await press('Save');
  await screen.findByText(/Everything is saved/);
  expect(callsTo(host, 'setSettings')).toEqual([[{ reasoning: 'think' }]]);
});

test('what codex does is shown unless it is switched off, and that it is part of the reasoning is said', async () => {
  const host = open('settings');
  const work = await screen.findByRole('switch', { name: 'Show what codex does' });
  expect(work).toHaveAttribute('aria-checked', 'true');
  expect(work).toHaveAccessibleDescription(/Commands, changed files and searches/);
  await fireEvent.click(screen.getByRole('radio', { name: 'Leave it out' }));
  expect(work).toHaveAccessibleDescription(/part of the reasoning, which is left out now/);
  await fireEvent.click(work);
  expect(work).toHaveAccessibleDescription(/^Off:/);
  await press('Save');
  await screen.findByText(/Everything is saved/);
  expect(callsTo(host, 'setSettings')).toEqual([[{ reasoning: 'none', show_work: false }]]);
});

test('other names for models are added, changed and taken away', async () => {
  const host = open('settings');
  await press('Add a name');
  expect(screen.getByLabelText('Name 1')).toHaveFocus();
  // An empty row does not count as a change.
  expect(screen.getByText(/Everything is saved/)).toBeVisible();
  await type('Name 1', 'gpt-4o');
  await press('Save');
  await waitFor(() => expect(screen.getByLabelText('Name 1')).toHaveAttribute('aria-invalid', 'true'));
  expect(screen.getByLabelText('Name 1')).toHaveAccessibleDescription(/the model that it leads to/);
  await fireEvent.change(screen.getByLabelText('Model of name 1'), { target: { value: 'gpt-5.5' } });
  await press('Add a name');
  await type('Name 2', 'agent');
  await fireEvent.change(screen.getByLabelText('Model of name 2'), { target: { value: 'codex-local' } });
  await screen.findByText('It applies at once; answers that are being written finish first.');
  await press('Save');
  await screen.findByText(/Everything is saved/);
  expect(callsTo(host, 'setSettings').at(-1)).toEqual([
    { model_aliases: { agent: 'codex-local', 'gpt-4o': 'gpt-5.5' } },
  ]);

  await press('Remove name 1');
  await screen.findByText(/1 change, not saved yet/);
  await press('Undo');
  await screen.findByLabelText('Name 2');
  await press('Remove name 2');
  await press('Remove name 1');
  await press('Save');
  await screen.findByText(/Everything is saved/);
  expect(callsTo(host, 'setSettings').at(-1)).toEqual([{ model_aliases: {} }]);
});

test('a name can be given while codex has not told its models', async () => {
  const host = open('settings', { scenario: 'codex-missing' });
  await press('Add a name');
  await type('Name 1', 'gpt-4o');
  await type('Model of name 1', 'gpt-9');
  await press('Save');
  await screen.findByText(/Everything is saved/);
  expect(callsTo(host, 'setSettings')).toEqual([[{ model_aliases: { 'gpt-4o': 'gpt-9' } }]]);
});

test('side calls go to a small model until that is switched off', async () => {
  const host = open('settings');
  const side = await screen.findByRole('switch', { name: /titles and tags with a small model/ });
  expect(side).toHaveAttribute('aria-checked', 'true');
  await fireEvent.click(side);
  expect(side).toHaveAccessibleDescription(/^Off:/);
  await press('Save');
  await screen.findByText(/Everything is saved/);
  expect(callsTo(host, 'setSettings')).toEqual([[{ side_calls: false }]]);
});

test('a path of codex is looked at on the spot', async () => {
  const host = open('settings');
  await screen.findByText(/Codex 0.169.0/);
  await type('Codex', '/bin/true');
  await screen.findByText('This is not codex: it does not answer to --version.');
  expect(callsTo(host, 'checkCodex')).toEqual([['/bin/true']]);
  await press('Browse for codex');
  expect(screen.getByLabelText('Codex')).toHaveValue('/opt/codex/bin/codex');
  await screen.findByText('Codex 0.169.0');
});

test('an effort that the new model does not have is let go', async () => {
  open('settings');
  await fireEvent.change(await screen.findByLabelText('Model of codex-local'), { target: { value: 'gpt-6.1-sol' } });
  await fireEvent.change(screen.getByLabelText('Effort'), { target: { value: 'xhigh' } });
  await fireEvent.change(screen.getByLabelText('Model of codex-local'), { target: { value: 'gpt-6-luna' } });
  expect(screen.getByLabelText('Effort')).toHaveValue('');
});

test('who can reach it is said in words, with the addresses', async () => {
  open('settings');
  const docker = await screen.findByRole('radio', { name: 'This machine and Docker containers' });
  expect(docker).toHaveAccessibleDescription(/172\.17\.0\.1:8000/);
});

test('what is not there cannot be chosen, and says why', async () => {
  open('settings', { scenario: 'empty' });
  const docker = await screen.findByRole('radio', { name: 'This machine and Docker containers' });
  expect(docker).toBeDisabled();
  expect(docker).toHaveAccessibleDescription('No Docker bridge was found on this machine.');
});

test('a damaged file is told of', async () => {
  open('settings', { scenario: 'damaged' });
  await screen.findByText(/settings\.json\.broken-1/);
});

test('an error of no field is said beside the button', async () => {
  const host = open('settings');
  await type('Port', '9000');
  host.failNext('setSettings', { message: 'The disk is full.', fields: [] });
  await press('Save');
  await screen.findByText('The disk is full. Nothing was saved.');
  expect(screen.getByLabelText('Port')).toHaveValue('9000');
});

test('diagnostics are copied by the host, and said to be', async () => {
  const host = open('settings');
  await press('Copy diagnostics: versions, settings and the last errors');
  expect(callsTo(host, 'copyDiagnostics')).toEqual([[]]);
  await waitFor(() => expect(announcement()).toBe('Copied: versions, settings and the last errors'));
  expect(callsTo(host, 'setSettings')).toEqual([]);
});
