import { fireEvent, screen, waitFor } from '@testing-library/svelte';
import { expect, test } from 'vitest';
import type { ExchangeDetail } from '../src/bindings/ExchangeDetail';
import type { ExchangeRow } from '../src/bindings/ExchangeRow';
import type { FakeHost } from '../src/lib/host-fake';
import { callsTo, open, openSettings, press, row } from './helpers';

const keep = () => screen.findByRole('switch', { name: 'Keep chats in Codex' });

test('the switch says what is kept, and applies at once', async () => {
  const host = await openSettings('Codex');
  const control = await keep();
  expect(control).toHaveAccessibleDescription(/^Off: chats with codex-local and folders leave nothing/);
  await fireEvent.click(control);
  await waitFor(() => expect(control).toBeChecked());
  expect(callsTo(host, 'setSettings')).toEqual([[{ keep_chats: true }]]);
  expect(control).toHaveAccessibleDescription(/^Chats with codex-local and folders are in the history of your Codex/);
});

test('a Codex that cannot keep chats leaves the switch off', async () => {
  const host = await openSettings('Codex');
  const overview = await host.overview();
  host.emit('overview', { ...overview, codex: { ...overview.codex, canKeep: false } });
  await waitFor(async () => expect(await keep()).toBeDisabled());
  expect(await keep()).toHaveAccessibleDescription("Codex 0.169.0 can't keep them. Update Codex to turn this on.");
});

/** Opens a request of codex-local; `change` makes it another. */
async function openRequest(
  kept: ExchangeDetail['chat'],
  change: Partial<ExchangeRow> = {},
): Promise<{ host: FakeHost; change: (change: Partial<ExchangeRow>) => void }> {
  const host = open('requests', { history: 5 });
  let current = row({ id: 'ffffffffffff', app: 'Zed', model: 'codex-local', ...change });
  host.exchangeDetail = async () => ({
    row: current,
    steps: [],
    requestText: null,
    answerText: null,
    pictures: [],
    chat: kept,
    changes: null,
    review: null,
  });
  host.emit('exchange', current);
  await fireEvent.click(await screen.findByText('Zed'));
  await screen.findByRole('list', { name: 'Steps' });
  return {
    host,
    change: (changed) => {
      current = { ...current, ...changed };
      host.emit('exchange', current);
    },
  };
}
const shown = () => screen.queryByRole('button', { name: /^Continue in the terminal/ });

test('a chat that Codex keeps is continued in the terminal by a copied command, once it is answered', async () => {
  const chat = { thread: '01a218d9-20be-7b50-bb12-0c4dd165e8e6', folder: '/home/me/web' };
  const { host, change } = await openRequest(chat, { state: 'streaming', totalMs: null });
  expect(shown()).toBeNull();
  change({ state: 'done', totalMs: 900 });
  await press(/^Continue in the terminal/);
  expect(callsTo(host, 'copyResumeCommand')).toEqual([['ffffffffffff']]);
});

test('a chat that Codex does not keep has nothing to continue', async () => {
  await openRequest(null);
  expect(shown()).toBeNull();
});
