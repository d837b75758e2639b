import { fireEvent, screen, waitFor, within } from '@testing-library/svelte';
import { expect, test } from 'vitest';
import { callsTo, button, dialog, open, press, row, type } from './helpers';

const NEWEST = 'ffffffffffff';
const rows = () => screen.queryAllByRole('row').slice(1);
const first = () => within(rows()[0] as HTMLElement);

test('a request appears on arrival and updates as it progresses', async () => {
  const host = open('requests');
  await waitFor(() => expect(rows().length).toBeGreaterThan(5));
  const arrived = row({
    id: NEWEST,
    client: 'Zed',
    state: 'waiting',
    status: null,
    waitMs: null,
    firstMs: null,
    ownMs: null,
    totalMs: null,
    input: null,
    output: null,
  });
  host.emit('exchange', arrived);
  await waitFor(() => expect(first().getByText('Zed')).toBeVisible());
  expect(first().getByText('waiting')).toBeVisible();

  host.emit('exchange', { ...arrived, state: 'streaming', waitMs: 0, firstMs: 410, ownMs: 1, input: 9120, output: 12 });
  await waitFor(() => expect(first().getByText('streaming')).toBeVisible());
  expect(first().getByText('0.41 s')).toBeVisible();
  expect(first().getByText('proxy 1 ms')).toBeVisible();

  host.emit('exchange', { ...arrived, state: 'done', firstMs: 410, totalMs: 2800, input: 9120, output: 212 });
  await waitFor(() => expect(first().getByText('done')).toBeVisible());
  expect(first().getByText('2.8 s')).toBeVisible();
  expect(first().getByText('212 out')).toBeVisible();
});

test('only the visible part of ten thousand rows is rendered', async () => {
  open('requests', { history: 10_000 });
  await waitFor(() => expect(rows().length).toBeGreaterThan(5));
  expect(rows().length).toBeLessThan(40);

  const grid = screen.getByRole('grid');
  // Further pages load as the end comes near.
  for (let page = 1; page < 20; page += 1) {
    await waitFor(() => expect(Number(grid.getAttribute('aria-rowcount'))).toBeGreaterThanOrEqual(page * 500 + 1));
    grid.scrollTop = page * 500 * 46;
    await fireEvent.scroll(grid);
  }
  await waitFor(() => expect(grid).toHaveAttribute('aria-rowcount', '10001'));
  expect(rows().length).toBeLessThan(40);
  expect(Number(rows()[0]?.getAttribute('aria-rowindex'))).toBeGreaterThan(9000);
});

test('the log can be filtered by text, state, key and model, and the filters can be cleared', async () => {
  const host = open('requests', { history: 200 });
  await waitFor(() => expect(rows().length).toBeGreaterThan(5));
  const all = screen.getByRole('grid').getAttribute('aria-rowcount');

  await type(/^Search key/, 'continue');
  await waitFor(() => expect(rows().every((one) => within(one).queryByText('Continue'))).toBe(true));
  await waitFor(() => expect(callsTo(host, 'exchanges').at(-1)?.[0]).toMatchObject({ text: 'continue' }));
  await type(/^Search key/, '');

  await fireEvent.change(screen.getByLabelText('State'), { target: { value: 'stopped' } });
  await waitFor(() => expect(rows().every((one) => within(one).queryByText('stopped by app'))).toBe(true));
  await fireEvent.change(screen.getByLabelText('Key'), { target: { value: 'Scripts' } });
  await fireEvent.change(screen.getByLabelText('Model'), { target: { value: 'gpt-5.5' } });
  await waitFor(() =>
    expect(callsTo(host, 'exchanges').at(-1)?.[0]).toMatchObject({
      state: 'stopped',
      key: 'Scripts',
      model: 'gpt-5.5',
      text: null,
    }),
  );

  await type(/^Search key/, 'nothing has this');
  await press('Show all requests');
  await waitFor(() => expect(screen.getByRole('grid')).toHaveAttribute('aria-rowcount', String(all)));
});

test('a pause hides and counts new requests, and resuming shows them', async () => {
  const host = open('requests');
  await waitFor(() => expect(rows().length).toBeGreaterThan(5));
  await press('Pause');
  host.emit('exchange', row({ id: NEWEST, client: 'Zed', at: Date.now() + 5 }));
  await press('Resume (1 new)');
  await waitFor(() => expect(first().getByText('Zed')).toBeVisible());
});

test('clearing asks for confirmation', async () => {
  const host = open('requests');
  await waitFor(() => expect(rows().length).toBeGreaterThan(5));
  await press('Clear');
  const asks = await dialog('Clear the request log?');
  expect(callsTo(host, 'clearExchanges')).toEqual([]);
  await fireEvent.click(asks.getByRole('button', { name: 'Clear' }));
  await screen.findByText('No requests yet');
  expect(callsTo(host, 'clearExchanges')).toHaveLength(1);
});

test('arrow keys select a request, Enter shows its steps, Escape closes them', async () => {
  const host = open('requests');
  const grid = await screen.findByRole('grid');
  grid.focus();
  await fireEvent.keyDown(grid, { key: 'ArrowDown' });
  await fireEvent.keyDown(grid, { key: 'ArrowDown' });
  const chosen = rows()[1] as HTMLElement;
  expect(chosen).toHaveAttribute('aria-selected', 'true');
  expect(grid).toHaveAttribute('aria-activedescendant', chosen.id);

  await fireEvent.keyDown(grid, { key: 'Enter' });
  const steps = await screen.findByRole('list', { name: 'Steps' });
  expect(within(steps).getByText('Arrived')).toBeVisible();
  expect(screen.getByTitle(/x-request-id/)).toHaveTextContent(/^req_/);
  expect(callsTo(host, 'exchangeDetail')).toEqual([[chosen.id.replace('row-', '')]]);

  await fireEvent.keyDown(grid, { key: 'Escape' });
  expect(screen.queryByRole('list', { name: 'Steps' })).toBeNull();
  expect(grid).toHaveFocus();
});

test('a request can be copied as curl', async () => {
  const host = open('requests');
  await waitFor(() => expect(rows().length).toBeGreaterThan(5));
  await fireEvent.click(rows()[0] as HTMLElement);
  await press(/^Copy as curl/);
  expect(callsTo(host, 'copyAsCurl')).toEqual([[rows()[0]?.id.replace('row-', '')]]);
});

test('the Wait column appears only when a request has waited', async () => {
  const host = open('requests');
  await waitFor(() => expect(rows().length).toBeGreaterThan(5));
  expect(screen.queryByRole('columnheader', { name: 'Wait' })).toBeNull();
  host.emit('exchange', row({ id: NEWEST, state: 'streaming', waitMs: 820 }));
  await screen.findByRole('columnheader', { name: 'Wait' });
  expect(first().getByText('0.82 s')).toBeVisible();
});

test('a background request has a tag', async () => {
  const host = open('requests');
  await waitFor(() => expect(rows().length).toBeGreaterThan(5));
  host.emit('exchange', row({ id: NEWEST, background: true }));
  await waitFor(() => expect(first().getAllByText('background').length).toBeGreaterThan(0));
});

test('the empty log shows how to send a first request', async () => {
  const host = open('requests', { scenario: 'empty' });
  await screen.findByText('No requests yet');
  await press('Copy: curl command');
  expect(callsTo(host, 'copyPiece')).toEqual([['curl', 0, 'k1']]);
  await press('Connect an app');
  await screen.findByRole('heading', { level: 1, name: 'Connect an app' });
  expect(await button('Test')).toBeVisible();
});

test('the charts have a text summary and a table', async () => {
  open('requests');
  await fireEvent.click(await screen.findByRole('tab', { name: 'Charts' }));
  await screen.findByRole('img', { name: /^Requests\. Peak: .* In the last 24 hours:/ });
  expect(screen.getAllByRole('img')).toHaveLength(3);
  expect(document.querySelectorAll('tbody tr')).toHaveLength(24);
  await fireEvent.click(screen.getByRole('tab', { name: 'Last 30 days' }));
  await waitFor(() => expect(document.querySelectorAll('tbody tr')).toHaveLength(30));
});
