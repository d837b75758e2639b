import { cleanup, fireEvent, screen, waitFor } from '@testing-library/svelte';
import { expect, test } from 'vitest';
import { settingsFor } from '../src/lib/fake/scenario';
import { PAGES, ROWS } from '../src/lib/settings-pages';
import type { FieldName } from '../src/lib/settings-form';
import { announcement, button, callsTo, dialog, enter, open, openSettings, press, type } from './helpers';

const messages = () => screen.getByLabelText('Messages').textContent;
const toast = (text: string) => waitFor(() => expect(messages()).toContain(text));

test('every setting has a control on its page', async () => {
  open('settings', { scenario: 'no-tray' });
  for (const { id, label } of PAGES) {
    await fireEvent.click(await screen.findByRole('tab', { name: label }));
    const fields = Object.keys(settingsFor('running').form).filter(
      // The first start has its own button.
      (name): name is FieldName => name !== 'setup_done' && ROWS[name as FieldName].page === id,
    );
    for (const field of fields) {
      const row = document.querySelector(`[data-setting=${field}]`);
      expect(row?.querySelector('input, select, textarea, button'), field).toBeTruthy();
    }
  }
});

test('every page has a heading for each of its cards', async () => {
  open('settings');
  for (const { label } of PAGES) {
    await fireEvent.click(await screen.findByRole('tab', { name: label }));
    expect(screen.getAllByRole('heading', { level: 2 }).length, label).toBeGreaterThan(0);
    expect(screen.getByRole('tabpanel', { name: label })).toBeVisible();
  }
});

test('a switch applies at once, and Undo brings back what was', async () => {
  const host = await openSettings('Privacy');
  const texts = screen.getByRole('switch', { name: /Save prompts and answers/ });
  await fireEvent.click(texts);
  await toast('Content: turned on.');
  expect(callsTo(host, 'setSettings')).toEqual([[{ keep_texts: true }]]);
  await press('Undo');
  await waitFor(() => expect(texts).toHaveAttribute('aria-checked', 'false'));
  expect(callsTo(host, 'setSettings').at(-1)).toEqual([{ keep_texts: false }]);
  await toast('Undone.');
});

test('a text applies on Enter and when it is left, and not while it is typed', async () => {
  const host = await openSettings('Privacy');
  const days = await type('Keep requests', '7');
  expect(callsTo(host, 'setSettings')).toEqual([]);
  await fireEvent.keyDown(days, { key: 'Enter' });
  await toast('Keep requests changed.');
  expect(callsTo(host, 'setSettings')).toEqual([[{ keep_days: 7 }]]);
  await fireEvent.blur(days);
  await type('Keep requests', '9');
  await fireEvent.blur(days);
  await waitFor(() => expect(callsTo(host, 'setSettings').at(-1)).toEqual([{ keep_days: 9 }]));
  expect(callsTo(host, 'setSettings')).toHaveLength(2);
});

test('Escape brings back the value that applies', async () => {
  const host = await openSettings('Privacy');
  const days = await type('Keep requests', '7');
  await fireEvent.keyDown(days, { key: 'Escape' });
  expect(days).toHaveValue('30');
  await fireEvent.blur(days);
  expect(callsTo(host, 'setSettings')).toEqual([]);
});

test('changes are saved one at a time, in their order', async () => {
  const host = await openSettings('Privacy');
  const { setSettings } = host;
  const started: unknown[] = [];
  let release = () => {};
  const released = new Promise<void>((done) => (release = done));
  host.setSettings = async (changes) => {
    started.push(changes);
    await released;
    await setSettings(changes);
  };
  await fireEvent.click(screen.getByRole('switch', { name: /Save prompts and answers/ }));
  await enter('Keep requests', '7');
  await waitFor(() => expect(started).toEqual([{ keep_texts: true }]));
  release();
  await waitFor(() => expect(started).toEqual([{ keep_texts: true }, { keep_days: 7 }]));
});

test('an invalid value stays with its error at the field, and other changes apply', async () => {
  const host = await openSettings('Privacy');
  const days = await enter('Keep requests', '0');
  await waitFor(() => expect(days).toHaveAttribute('aria-invalid', 'true'));
  expect(days).toHaveAccessibleDescription(/number of days from 1 to 3650/);
  expect(days).toHaveValue('0');
  await fireEvent.click(screen.getByRole('switch', { name: /Save prompts and answers/ }));
  await toast('Content: turned on.');
  expect(callsTo(host, 'setSettings').at(-1)).toEqual([{ keep_texts: true }]);
  expect(days).toHaveValue('0');
  await enter('Keep requests', '5');
  await waitFor(() => expect(days).toHaveAttribute('aria-invalid', 'false'));
});

test('settings that need fixing are counted, each with a link to its field', async () => {
  await openSettings('Privacy');
  await enter('Keep requests', '0');
  await fireEvent.click(screen.getByRole('tab', { name: 'Limits' }));
  await enter('Idle timeout', '9999');
  await screen.findByText('2 settings need fixing:');
  expect(await screen.findByRole('button', { name: /Settings.*need fixing/ })).toBeVisible();
  await press('Keep requests');
  const days = await screen.findByLabelText('Keep requests');
  await waitFor(() => expect(days).toHaveFocus());
  await enter('Keep requests', '8');
  await screen.findByText('1 setting needs fixing:');
  await press('Idle timeout');
  await waitFor(() => expect(screen.getByLabelText('Idle timeout')).toHaveFocus());
  expect(document.querySelector('details[aria-label=Advanced]')).toHaveAttribute('open');
});

test('an invalid value survives a visit to another view', async () => {
  await openSettings('Network');
  await enter('Port', '99999');
  await waitFor(() => expect(screen.getByLabelText('Port')).toHaveAttribute('aria-invalid', 'true'));
  await fireEvent.click(screen.getByRole('button', { name: 'Status' }));
  await screen.findByRole('heading', { level: 1, name: 'Running on port 8000' });
  await fireEvent.click(screen.getByRole('button', { name: /Settings/ }));
  expect(await screen.findByLabelText('Port')).toHaveValue('99999');
});

test('what is typed when the view changes is applied', async () => {
  const host = await openSettings('Privacy');
  await type('Keep requests', '7');
  await fireEvent.keyDown(window, { key: '1', ctrlKey: true });
  await waitFor(() => expect(callsTo(host, 'setSettings')).toEqual([[{ keep_days: 7 }]]));
});

test('what is typed when the window closes is there when it opens again', async () => {
  const host = await openSettings('Privacy');
  await enter('Keep requests', '0');
  await waitFor(() => expect(screen.getByLabelText('Keep requests')).toHaveAttribute('aria-invalid', 'true'));
  const drafts = callsTo(host, 'keepSettingDrafts').at(-1)?.[0] as string;
  cleanup();
  await openSettings('Privacy', { drafts });
  const days = await screen.findByLabelText('Keep requests');
  expect(days).toHaveValue('0');
  expect(days).toHaveAccessibleDescription(/number of days from 1 to 3650/);
  await screen.findByText('1 setting needs fixing:');
});

test('an error without a field is shown at the field that was changed', async () => {
  const host = await openSettings('Privacy');
  host.failNext('setSettings', { message: 'The disk is full.', fields: [] });
  const days = await enter('Keep requests', '7');
  await waitFor(() => expect(days).toHaveAccessibleDescription(/The disk is full\./));
  expect(days).toHaveValue('7');
});

test('a rejected choice shows what applies', async () => {
  const host = await openSettings('Models');
  host.failNext('setSettings', { message: 'The disk is full.', fields: [] });
  await fireEvent.click(screen.getByRole('radio', { name: /Inline <think>/ }));
  await screen.findByText('The disk is full.');
  expect(screen.getByRole('radio', { name: /Separate field/ })).toBeChecked();
});

test('a new port is confirmed first', async () => {
  const host = await openSettings('Network');
  await enter('Port', '9000');
  const asks = await dialog('Change the port to 9000?');
  expect(asks.getByText(/http:\/\/127\.0\.0\.1:9000\/v1/)).toBeVisible();
  expect(callsTo(host, 'setSettings')).toEqual([]);
  await press('Cancel');
  expect(screen.getByLabelText('Port')).toHaveValue('8000');
  await enter('Port', '9000');
  await press('Change port');
  await toast('Port changed.');
  expect(callsTo(host, 'setSettings')).toEqual([[{ port: 9000 }]]);
});

test('an invalid port is rejected without a question', async () => {
  await openSettings('Network');
  const port = await enter('Port', '99999');
  await waitFor(() => expect(port).toHaveAccessibleDescription(/Enter a port from 1 to 65535/));
  expect(screen.queryByRole('dialog')).toBeNull();
});

test.each([
  [
    'Network',
    'Anyone on this network',
    'Open the proxy to your network?',
    'Open to the network',
    { listen: 'everywhere' },
  ],
  ['Codex', 'Write in the working folder', 'Let Codex change files?', 'Allow changes', { sandbox: 'workspace-write' }],
])('on %s, %s is confirmed first', async (page, choice, title, action, changes) => {
  const host = await openSettings(page);
  await fireEvent.click(await screen.findByRole('radio', { name: choice }));
  await dialog(title);
  expect(callsTo(host, 'setSettings')).toEqual([]);
  await press(action);
  await waitFor(() => expect(callsTo(host, 'setSettings')).toEqual([[changes]]));
});

test('full access requires the typed phrase', async () => {
  const host = await openSettings('Codex');
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
  expect(callsTo(host, 'setSettings')).toEqual([]);

  await type(/Type full access/, 'full access');
  await fireEvent.submit(words.form as HTMLFormElement);
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
  await waitFor(() => expect(callsTo(host, 'setSettings')).toEqual([[{ sandbox: 'danger-full-access' }]]));
  expect(screen.getByRole('radio', { name: 'Full access' })).toBeChecked();
});

test('cancelling the confirmation leaves full access off', async () => {
  const host = await openSettings('Codex');
  await fireEvent.click(await screen.findByRole('radio', { name: 'Full access' }));
  await press('Cancel');
  expect(screen.getByRole('radio', { name: 'Read only' })).toBeChecked();
  expect(callsTo(host, 'setSettings')).toEqual([]);
});

test('the expert limits are folded, show their defaults and can be reset', async () => {
  const host = await openSettings('Limits');
  expect(document.querySelector('details[aria-label=Advanced]')).not.toHaveAttribute('open');
  const most = await enter('Parallel answers', '0');
  await waitFor(() => expect(most).toHaveAccessibleDescription(/Enter a number of requests from 1 to 100\./));
  await enter('Parallel answers', '2');
  await screen.findByText('Default: 8');
  await press('Reset Parallel answers');
  await waitFor(() => expect(most).toHaveValue('8'));
  expect(callsTo(host, 'setSettings').at(-1)).toEqual([{ max_turns: 8 }]);
  expect(screen.queryByRole('button', { name: 'Reset Parallel answers' })).toBeNull();
});

test('a page goes back to its defaults, and Undo brings back the rest', async () => {
  const host = await openSettings('Limits');
  const reset = await button('Reset this page to defaults');
  expect(reset).toBeDisabled();
  await enter('Parallel answers', '2');
  await waitFor(() => expect(reset).toBeEnabled());
  await enter('Queue size', '0');
  await waitFor(() => expect(callsTo(host, 'setSettings')).toHaveLength(2));
  await enter('Idle timeout', '1');
  await toast('Idle timeout changed.');
  await fireEvent.click(reset);
  await toast('3 settings changed.');
  expect(callsTo(host, 'setSettings').at(-1)).toEqual([{ max_turns: 8, max_waiting: 64, silence_limit_minutes: 10 }]);
  const undo = screen.getAllByRole('button', { name: 'Undo' }).at(-1) as HTMLElement;
  await fireEvent.click(undo);
  await waitFor(() => expect(screen.getByLabelText('Queue size')).toHaveValue('0'));
});

test('resetting a page with another port asks first', async () => {
  const host = await openSettings('Network');
  await enter('Port', '9000');
  await press('Change port');
  await toast('Port changed.');
  await fireEvent.click(screen.getByRole('switch', { name: /Fetch images/ }));
  await toast('Images: turned off.');
  await press('Reset this page to defaults');
  const asks = await dialog('Reset to defaults?');
  expect(asks.getByText(/The port becomes 8000\./)).toBeVisible();
  expect(callsTo(host, 'setSettings')).toHaveLength(2);
  await press('Reset');
  await waitFor(() => expect(callsTo(host, 'setSettings').at(-1)).toEqual([{ port: 8000, fetch_images: true }]));
});

test('the search finds settings by label and hint on every page', async () => {
  await openSettings('General');
  await type('Search settings', 'idle');
  expect(await screen.findByLabelText('Idle timeout')).toBeVisible();
  expect(screen.queryByLabelText('Queue size')).toBeNull();
  await screen.findByText('1 setting found');
  await type('Search settings', 'laptop.lan');
  await screen.findByLabelText('Host names');
  await type('Search settings', 'nothing like it');
  await screen.findByText('No settings match “nothing like it”.');
  await fireEvent.keyDown(screen.getByLabelText('Search settings'), { key: 'Escape' });
  expect(await screen.findByRole('tab', { name: 'General' })).toHaveAttribute('aria-selected', 'true');
});

test('a page can be opened from elsewhere', async () => {
  const host = open('status');
  await screen.findByRole('heading', { level: 1, name: 'Running on port 8000' });
  host.emit('navigate', 'settings/network');
  expect(await screen.findByLabelText('Port')).toBeVisible();
});

test('the reasoning format can be chosen', async () => {
  const host = await openSettings('Models');
  const beside = await screen.findByRole('radio', { name: /Separate field/ });
  expect(beside).toBeChecked();
  await fireEvent.click(screen.getByRole('radio', { name: /Inline <think>/ }));
  await waitFor(() => expect(callsTo(host, 'setSettings')).toEqual([[{ reasoning: 'think' }]]));
  expect(beside).not.toBeChecked();
});

test('activity is shown by default, and its hint follows the reasoning format', async () => {
  const host = await openSettings('Models');
  const work = await screen.findByRole('switch', { name: 'Show commands and file changes' });
  expect(work).toHaveAttribute('aria-checked', 'true');
  expect(work).toHaveAccessibleDescription(/commands, file changes and searches/);
  await fireEvent.click(screen.getByRole('radio', { name: 'Hide' }));
  await waitFor(() => expect(work).toHaveAccessibleDescription(/part of the reasoning, which is hidden now/));
  await fireEvent.click(work);
  await waitFor(() => expect(work).toHaveAccessibleDescription(/^Off:/));
  expect(callsTo(host, 'setSettings')).toEqual([[{ reasoning: 'none' }], [{ show_activity: false }]]);
});

test('model aliases can be added, changed and removed', async () => {
  const host = await openSettings('Models');
  await press('Add alias');
  expect(screen.getByLabelText('Alias 1')).toHaveFocus();
  await type('Alias 1', 'gpt-4o');
  // While the focus stays in the row, its other half is not missed.
  await fireEvent.focusOut(screen.getByLabelText('Alias 1'), {
    relatedTarget: screen.getByLabelText('Model for alias 1'),
  });
  expect(callsTo(host, 'setSettings')).toEqual([]);
  await fireEvent.keyDown(screen.getByLabelText('Alias 1'), { key: 'Enter' });
  await waitFor(() => expect(screen.getByLabelText('Alias 1')).toHaveAttribute('aria-invalid', 'true'));
  expect(screen.getByLabelText('Alias 1')).toHaveAccessibleDescription(/both an alias and a model/);
  await fireEvent.change(screen.getByLabelText('Model for alias 1'), { target: { value: 'gpt-5.5' } });
  await toast('Model aliases changed.');
  await press('Add alias');
  await type('Alias 2', 'agent');
  await fireEvent.change(screen.getByLabelText('Model for alias 2'), { target: { value: 'codex-local' } });
  await waitFor(() =>
    expect(callsTo(host, 'setSettings').at(-1)).toEqual([
      { model_aliases: { agent: 'codex-local', 'gpt-4o': 'gpt-5.5' } },
    ]),
  );
  await press('Remove alias 1');
  await waitFor(() =>
    expect(callsTo(host, 'setSettings').at(-1)).toEqual([{ model_aliases: { agent: 'codex-local' } }]),
  );
  await press('Remove alias 1');
  await waitFor(() => expect(callsTo(host, 'setSettings').at(-1)).toEqual([{ model_aliases: {} }]));
});

test('an alias can be added before the models are known', async () => {
  const host = await openSettings('Models', { scenario: 'codex-missing' });
  await press('Add alias');
  await type('Alias 1', 'gpt-4o');
  const model = await type('Model for alias 1', 'gpt-9');
  await fireEvent.keyDown(model, { key: 'Enter' });
  await waitFor(() => expect(callsTo(host, 'setSettings')).toEqual([[{ model_aliases: { 'gpt-4o': 'gpt-9' } }]]));
});

test.each([
  ['Models', /small model for chat titles and tags/, { task_model: false }],
  ['Network', /Fetch images/, { fetch_images: false }],
])('on %s, the switch %s is on until it is turned off', async (page, name, changes) => {
  const host = await openSettings(page);
  const toggle = await screen.findByRole('switch', { name });
  expect(toggle).toHaveAttribute('aria-checked', 'true');
  await fireEvent.click(toggle);
  await waitFor(() => expect(toggle).toHaveAccessibleDescription(/^Off:/));
  await waitFor(() => expect(callsTo(host, 'setSettings')).toEqual([[changes]]));
});

test('host names and web pages are saved one per line', async () => {
  const host = await openSettings('Network');
  const hosts = await type('Host names', 'laptop.lan\nnas.lan');
  await fireEvent.blur(hosts);
  await waitFor(() => expect(callsTo(host, 'setSettings')).toEqual([[{ allowed_hosts: ['laptop.lan', 'nas.lan'] }]]));
  await fireEvent.blur(await type('Web pages', 'https://chat.example'));
  await waitFor(() =>
    expect(callsTo(host, 'setSettings').at(-1)).toEqual([{ allowed_origins: ['https://chat.example'] }]),
  );
});

test('an edited Codex path is checked right away, and a chosen one applies', async () => {
  const host = await openSettings('Codex');
  await screen.findByText(/Codex 0.169.0/);
  await type('Codex program', '/bin/true');
  await screen.findByText("This isn't Codex: it doesn't support --version.");
  expect(callsTo(host, 'checkCodex')).toEqual([['/bin/true']]);
  await press('Browse for Codex');
  await waitFor(() => expect(screen.getByLabelText('Codex program')).toHaveValue('/opt/codex/bin/codex'));
  expect(callsTo(host, 'setSettings')).toEqual([[{ codex_path: '/opt/codex/bin/codex' }]]);
});

test('a path from CODEX_PATH cannot be typed over, and says where it comes from', async () => {
  await openSettings('Codex', { scenario: 'codex-variable' });
  const path = await screen.findByLabelText('Codex program');
  expect(path).toHaveValue('/opt/tools/bin/codex');
  expect(path).toHaveAttribute('readonly');
  expect(path).toHaveAccessibleDescription(/Set by the environment variable CODEX_PATH/);
});

test('a path is shown with a tilde and opens its folder', async () => {
  const host = await openSettings('Codex');
  await press('~/.local/bin/codex: open the folder');
  expect(callsTo(host, 'showFile')).toEqual([['/home/me/.local/bin/codex']]);
});

test('an effort that the new model does not support is reset', async () => {
  const host = await openSettings('Models');
  await fireEvent.change(await screen.findByLabelText('Model for codex-local'), { target: { value: 'gpt-6.1-sol' } });
  await fireEvent.change(screen.getByLabelText('Effort for codex-local'), { target: { value: 'xhigh' } });
  await waitFor(() => expect(callsTo(host, 'setSettings')).toHaveLength(2));
  await fireEvent.change(screen.getByLabelText('Model for codex-local'), { target: { value: 'gpt-6-luna' } });
  await waitFor(() => expect(callsTo(host, 'setSettings').at(-1)).toEqual([{ model: 'gpt-6-luna', effort: null }]));
  expect(screen.getByLabelText('Effort for codex-local')).toHaveValue('');
});

test('network access options list their addresses', async () => {
  await openSettings('Network');
  const docker = await screen.findByRole('radio', { name: 'This computer and Docker containers' });
  expect(docker).toHaveAccessibleDescription(/172\.17\.0\.1:8000/);
});

test('an unavailable option is disabled and explained', async () => {
  await openSettings('Network', { scenario: 'empty' });
  const docker = await screen.findByRole('radio', { name: 'This computer and Docker containers' });
  expect(docker).toBeDisabled();
  expect(docker).toHaveAccessibleDescription('No Docker bridge found. Start Docker to use this.');
});

test('a damaged settings file is reported until that is dismissed', async () => {
  const host = open('settings', { scenario: 'damaged' });
  await screen.findByText(/settings\.json\.broken-1/);
  await press('Dismiss');
  await waitFor(() => expect(screen.queryByText(/settings\.json\.broken-1/)).toBeNull());
  expect(callsTo(host, 'dismissNotice')).toHaveLength(1);
});

test('About names the versions, and a problem is reported with them and nothing else', async () => {
  const host = await openSettings('About');
  await screen.findByText('Codex Proxy 0.3.0');
  await screen.findByText('Codex 0.169.0');
  await press('API reference');
  await press('Report a problem');
  const [[docs], [report]] = callsTo(host, 'openLink') as [[string], [string]];
  expect(docs).toBe('http://127.0.0.1:8000/docs');
  const body = new URL(report).searchParams.get('body') ?? '';
  expect(body).toContain('Codex Proxy 0.3.0, Codex 0.169.0');
  expect(body).not.toContain('me@example.com');
  expect(body).not.toContain('/home/me');
});

test('copying diagnostics is announced', async () => {
  const host = await openSettings('About');
  await press('Copy diagnostics: versions, settings and recent errors');
  expect(callsTo(host, 'copyDiagnostics')).toEqual([[]]);
  await waitFor(() => expect(announcement()).toBe('Copied: versions, settings and recent errors'));
  expect(callsTo(host, 'setSettings')).toEqual([]);
});

test('without a tray, what closing the window does can be changed', async () => {
  const host = await openSettings('General', { scenario: 'no-tray' });
  await fireEvent.change(await screen.findByLabelText('Closing the window'), { target: { value: 'quit' } });
  await waitFor(() => expect(callsTo(host, 'setSettings')).toEqual([[{ asked_about_background: false }]]));
});

test('the thresholds of usage limits are typed as a list', async () => {
  const host = await openSettings('Limits');
  const field = (await screen.findByLabelText('Warn at')) as HTMLInputElement;
  expect(field.value).toBe('80, 95');
  await fireEvent.input(field, { target: { value: '50, ' } });
  expect(field.value).toBe('50, ');
  await fireEvent.keyDown(field, { key: 'Enter' });
  await waitFor(() => expect(callsTo(host, 'setSettings').at(-1)).toEqual([{ warn_at: [50] }]));
});
