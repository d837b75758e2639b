import { fireEvent, screen, waitFor, within } from '@testing-library/svelte';
import { expect, test } from 'vitest';
import { callsTo, dialog, enter, openSettings, press } from './helpers';

const asks = () => screen.findByRole('switch', { name: 'Ask before leaving the sandbox' });

test('the switch says what it does, and applies at once', async () => {
  const host = await openSettings('Codex');
  const control = await asks();
  expect(control).toHaveAccessibleDescription(/^Off: what the sandbox forbids fails/);
  await fireEvent.click(control);
  await waitFor(() => expect(control).toBeChecked());
  expect(callsTo(host, 'setSettings')).toEqual([[{ ask: true }]]);
  expect(control).toHaveAccessibleDescription(/^Codex asks here before it runs a command outside the sandbox/);
  await enter('Deny after', '10');
  await waitFor(() => expect(callsTo(host, 'setSettings').at(-1)).toEqual([{ ask_limit_minutes: 10 }]));
});

test('with full access there is nothing to ask about', async () => {
  await openSettings('Codex');
  await fireEvent.click(await screen.findByRole('radio', { name: 'Full access' }));
  const confirm = await dialog(/full access/i);
  await fireEvent.input(confirm.getByRole('textbox'), { target: { value: 'full access' } });
  await fireEvent.click(confirm.getByRole('button', { name: /full access/i }));
  await waitFor(async () => expect(await asks()).toBeDisabled());
  expect(await asks()).toHaveAccessibleDescription('Not with full access: there is no sandbox to leave.');
});

test.each([
  [{ canAsk: false }, /^Codex 0\.169\.0 can't ask\. Update Codex/],
  [{ canAskQuestions: false }, /Codex 0\.169\.0 can't ask questions or for permissions\.$/],
])('what this Codex cannot ask is said beside the switch', async (lacks, hint) => {
  const host = await openSettings('Codex');
  const control = await asks();
  await fireEvent.click(control);
  const overview = await host.overview();
  host.emit('overview', { ...overview, codex: { ...overview.codex, ...lacks } });
  await waitFor(() => expect(control).toHaveAccessibleDescription(hint));
});

test('a Codex that cannot ask leaves the switch off', async () => {
  const host = await openSettings('Codex');
  const overview = await host.overview();
  host.emit('overview', { ...overview, codex: { ...overview.codex, canAsk: false } });
  await waitFor(async () => expect(await asks()).toBeDisabled());
});

test('commands that are allowed from now on are listed and can be removed', async () => {
  const host = await openSettings('Codex');
  const row = within((await screen.findByText('cargo test')).closest('[data-setting]') as HTMLElement);
  expect(row.getAllByRole('listitem')).toHaveLength(2);
  expect(row.getAllByRole('listitem')[0]).toHaveTextContent('In /home/me/projects/site · key Default · since');
  await press('Remove cargo test');
  await waitFor(() => expect(row.getAllByRole('listitem')).toHaveLength(1));
  expect(callsTo(host, 'forgetApprovalRule')).toEqual([['p1']]);
  expect(screen.getByLabelText('Messages')).toHaveTextContent('Removed. Codex asks again.');
});

test('without such commands, the list says how to get one', async () => {
  await openSettings('Codex', { scenario: 'empty' });
  expect(await screen.findByText(/^No commands\. “Allow from now on” adds one/)).toBeInTheDocument();
});

test.each([['approval'], ['leaving the sandbox'], ['remembered commands'], ['deny after']])(
  'the search finds it by %s',
  async (words) => {
    await openSettings('General');
    await fireEvent.input(screen.getByLabelText('Search settings'), { target: { value: words } });
    await waitFor(() =>
      expect(document.querySelector('[data-setting^=ask], [data-setting=approval_rules]')).not.toBeNull(),
    );
  },
);

test('the notification can be switched off', async () => {
  const host = await openSettings('General');
  const control = await screen.findByRole('switch', { name: 'When Codex asks for approval' });
  expect(control).toBeChecked();
  await fireEvent.click(control);
  await waitFor(() => expect(callsTo(host, 'setSettings')).toEqual([[{ notify_asks: false }]]));
});
