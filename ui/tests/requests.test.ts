import { fireEvent, screen, waitFor, within } from '@testing-library/svelte';
import { expect, test } from 'vitest';
import type { ExchangeQuery } from '../src/bindings/ExchangeQuery';
import { callsTo, dialog, open, press, row, type } from './helpers';

const NEWEST = 'ffffffffffff';
const rows = () => screen.queryAllByRole('row').slice(1);
const first = () => within(rows()[0] as HTMLElement);

test('a request appears on arrival and updates as it progresses', async () => {
  const host = open('requests');
  await waitFor(() => expect(rows().length).toBeGreaterThan(5));
  const arrived = row({
    id: NEWEST,
    app: 'Zed',
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
  // The time so far may be the same at this moment.
  expect(first().getAllByText('0.41 s')[0]).toBeVisible();
  expect(first().getByText('~12 out')).toBeVisible();
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

  // The number of rows is the real one, although most are not loaded.
  const grid = screen.getByRole('grid');
  await waitFor(() => expect(grid).toHaveAttribute('aria-rowcount', '10001'));
  expect(screen.getByText(/^10,000 requests · \d+ failed$/)).toBeVisible();
});

test('the End key goes to the oldest request in one press', async () => {
  const host = open('requests', { history: 2_300 });
  const grid = await screen.findByRole('grid');
  await fireEvent.keyDown(grid, { key: 'End' });
  await waitFor(() => expect(rows().at(-1)).toHaveAttribute('aria-rowindex', '2301'));
  expect(rows().at(-1)).toHaveAttribute('aria-selected', 'true');
  expect(grid).toHaveAttribute('aria-activedescendant', rows().at(-1)?.id);
  expect(callsTo(host, 'exchanges').length).toBeLessThan(8);
});

test('the log can be filtered by text, state, app, key, model and time, and the filters can be cleared', async () => {
  const host = open('requests', { history: 200 });
  await waitFor(() => expect(rows().length).toBeGreaterThan(5));
  const all = screen.getByRole('grid').getAttribute('aria-rowcount');

  await type(/^Search key/, 'continue');
  await waitFor(() => expect(rows().every((one) => within(one).queryByText('Continue'))).toBe(true));
  await waitFor(() => expect(callsTo(host, 'exchanges').at(-1)?.[0]).toMatchObject({ text: 'continue' }));
  await type(/^Search key/, '');

  await fireEvent.click(screen.getByRole('radio', { name: 'Stopped' }));
  await waitFor(() => expect(rows().every((one) => within(one).queryByText('stopped by app'))).toBe(true));
  await fireEvent.change(screen.getByLabelText('App'), { target: { value: 'OpenAI Python' } });
  await fireEvent.change(screen.getByLabelText('Key'), { target: { value: 'Scripts' } });
  await fireEvent.change(screen.getByLabelText('Model'), { target: { value: 'gpt-5.5' } });
  await fireEvent.change(screen.getByLabelText('Time'), { target: { value: 'hour' } });
  await waitFor(() =>
    expect(callsTo(host, 'exchanges').at(-1)?.[0]).toMatchObject({
      show: 'stopped',
      app: 'OpenAI Python',
      key: 'Scripts',
      model: 'gpt-5.5',
      text: null,
    }),
  );
  const { since } = callsTo(host, 'exchanges').at(-1)?.[0] as ExchangeQuery;
  expect(Math.abs(Date.now() - 3_600_000 - (since ?? 0))).toBeLessThan(60_000);

  await type(/^Search key/, 'nothing has this');
  await press('Show all requests');
  await waitFor(() => expect(screen.getByRole('grid')).toHaveAttribute('aria-rowcount', String(all)));
});

test('a pause hides and counts new requests, and resuming shows them', async () => {
  const host = open('requests');
  await waitFor(() => expect(rows().length).toBeGreaterThan(5));
  await press('Pause');
  host.emit('exchange', row({ id: NEWEST, app: 'Zed', at: Date.now() + 5 }));
  await press('Resume (1 new)');
  await waitFor(() => expect(first().getByText('Zed')).toBeVisible());
});

test('a search that finds nothing can be deleted letter by letter without losing the focus', async () => {
  open('requests', { history: 20 });
  await waitFor(() => expect(rows().length).toBeGreaterThan(5));
  const field = screen.getByLabelText(/^Search key/);
  field.focus();
  await type(/^Search key/, 'x!');
  await screen.findByText('No matching requests');
  await type(/^Search key/, '');
  expect(field).toBeInTheDocument();
  expect(field).toHaveFocus();
  await waitFor(() => expect(rows().length).toBeGreaterThan(5));
  expect(field).toHaveFocus();
});

test('a time from when to when can be chosen', async () => {
  const host = open('requests');
  await waitFor(() => expect(rows().length).toBeGreaterThan(5));
  await fireEvent.change(screen.getByLabelText('Time'), { target: { value: 'custom' } });
  await fireEvent.change(await screen.findByLabelText('From'), { target: { value: '2026-11-20T08:00' } });
  await fireEvent.change(screen.getByLabelText('To'), { target: { value: '2026-11-20T09:30' } });
  await waitFor(() =>
    expect(callsTo(host, 'exchanges').at(-1)?.[0]).toMatchObject({
      since: new Date(2026, 10, 20, 8).getTime(),
      until: new Date(2026, 10, 20, 9, 30).getTime(),
    }),
  );
});

test('a running request can be stopped in its row, by its menu and in the details', async () => {
  const host = open('requests');
  await waitFor(() => expect(rows().length).toBeGreaterThan(5));
  const running = row({ id: NEWEST, state: 'streaming', status: null, totalMs: null, output: 40 });
  const stops = () => callsTo(host, 'stopExchange');
  host.emit('exchange', running);
  await waitFor(() => expect(first().getByText('streaming')).toBeVisible());
  host.failNext('stopExchange', { message: 'This request has already ended.', fields: [] });
  await press('Stop');
  expect(stops()).toEqual([[NEWEST]]);
  await screen.findByText('This request has already ended.');
  expect(screen.queryByRole('list', { name: 'Steps' })).toBeNull();

  await fireEvent.contextMenu(rows()[0] as HTMLElement, { button: 2 });
  await fireEvent.click(screen.getByRole('menuitem', { name: 'Stop' }));
  await waitFor(() => expect(stops()).toHaveLength(2));
  await fireEvent.contextMenu(rows()[0] as HTMLElement, { button: 2 });
  await fireEvent.click(screen.getByRole('menuitem', { name: 'Show details' }));
  const detail = within(await screen.findByRole('region', { name: /^Request at/ }));
  await fireEvent.click(detail.getByRole('button', { name: 'Stop' }));
  await waitFor(() => expect(stops()).toHaveLength(3));
  expect(detail.getByText('~40')).toBeVisible();

  host.emit('exchange', { ...running, state: 'cancelled', totalMs: 900 });
  await waitFor(() => expect(first().getByText('stopped by you')).toBeVisible());
  expect(screen.queryByRole('button', { name: 'Stop' })).toBeNull();
});

test("the menu of a row filters by its app, and the keyboard's menu key opens that of the selected row", async () => {
  const host = open('requests');
  await waitFor(() => expect(rows().length).toBeGreaterThan(5));
  const grid = screen.getByRole('grid');
  await fireEvent.keyDown(grid, { key: 'ArrowDown' });
  const app = rows()[0]?.querySelector('.block')?.textContent ?? '';
  await fireEvent.contextMenu(grid);
  await fireEvent.click(screen.getByRole('menuitem', { name: `Show only ${app}` }));
  await waitFor(() => expect(callsTo(host, 'exchanges').at(-1)?.[0]).toMatchObject({ app }));
});

test('a failed request says why, once, and its details have the raw user agent', async () => {
  const host = open('requests');
  await waitFor(() => expect(rows().length).toBeGreaterThan(5));
  const error = "The model 'gpt-4o-mini' does not exist.";
  host.emit(
    'exchange',
    row({ id: NEWEST, app: 'OpenAI Python', client: 'AsyncOpenAI/Python 2.8.1', state: 'failed', status: 404, error }),
  );
  await waitFor(() => expect(first().getByText(error)).toBeVisible());
  expect(first().getByText('OpenAI Python')).toBeVisible();
  await fireEvent.click(rows()[0] as HTMLElement);
  const detail = within(await screen.findByRole('region', { name: /^Request at/ }));
  expect(detail.getAllByText(error)).toHaveLength(1);
  expect(detail.getByText('AsyncOpenAI/Python 2.8.1')).toBeVisible();
});

test('the log starts at the newest request again, unless details are open', async () => {
  open('requests');
  const grid = await screen.findByRole('grid');
  await fireEvent.keyDown(grid, { key: 'ArrowDown' });
  await fireEvent.click(screen.getByRole('button', { name: /^Keys/ }));
  await fireEvent.click(screen.getByRole('button', { name: /^Requests/ }));
  await screen.findByRole('grid');
  expect(rows().some((one) => one.getAttribute('aria-selected') === 'true')).toBe(false);
  await fireEvent.click(rows()[2] as HTMLElement);
  await fireEvent.click(screen.getByRole('button', { name: /^Keys/ }));
  await fireEvent.click(screen.getByRole('button', { name: /^Requests/ }));
  await screen.findByRole('region', { name: /^Request at/ });
  expect(rows()[2]).toHaveAttribute('aria-selected', 'true');
});

test('what is filtered can be exported', async () => {
  const host = open('requests', { history: 200 });
  await waitFor(() => expect(rows().length).toBeGreaterThan(5));
  await fireEvent.click(screen.getByRole('radio', { name: 'Failed' }));
  await waitFor(() => expect(callsTo(host, 'exchanges').at(-1)?.[0]).toMatchObject({ show: 'failed' }));
  await press('Export');
  await fireEvent.click(screen.getByRole('menuitem', { name: 'Export as CSV…' }));
  await screen.findAllByText(/^Exported \d+ requests\.$/);
  expect(callsTo(host, 'exportExchanges')[0]).toMatchObject([{ show: 'failed', limit: null }, 'csv']);
});

test('clearing names the number, and can be undone', async () => {
  const host = open('requests');
  await waitFor(() => expect(rows().length).toBeGreaterThan(5));
  await press('Clear');
  const asks = await dialog('Clear 40 requests?');
  expect(callsTo(host, 'clearExchanges')).toEqual([]);
  await fireEvent.click(asks.getByRole('button', { name: 'Clear' }));
  await screen.findByText('No requests yet');
  expect(callsTo(host, 'clearExchanges')).toHaveLength(1);
  await press('Undo');
  await waitFor(() => expect(rows().length).toBeGreaterThan(5));
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

test('the pictures of an answer are shown, and can be saved', async () => {
  const host = open('requests');
  const detail = host.exchangeDetail;
  host.exchangeDetail = async (id) => ({ ...(await detail(id)), pictures: ['iVBORw0KGgo=', '/9j/4AAQ'] });
  await waitFor(() => expect(rows().length).toBeGreaterThan(5));
  await fireEvent.click(rows()[0] as HTMLElement);

  expect(await screen.findByRole('heading', { name: 'Pictures' })).toBeVisible();
  const [png, jpeg] = screen.getAllByRole('img', { name: /^Generated picture/ });
  expect(png).toHaveAttribute('src', 'data:image/png;base64,iVBORw0KGgo=');
  expect(jpeg).toHaveAttribute('src', 'data:image/jpeg;base64,/9j/4AAQ');

  await press('Save picture 2');
  expect(callsTo(host, 'savePicture')).toEqual([[rows()[0]?.id.replace('row-', ''), 1]]);
  expect(await screen.findByText('Saved the picture.', { selector: 'p' })).toBeVisible();
});

test('a request can be copied as curl', async () => {
  const host = open('requests');
  await waitFor(() => expect(rows().length).toBeGreaterThan(5));
  await fireEvent.click(rows()[0] as HTMLElement);
  await press(/^Copy as curl/);
  expect(callsTo(host, 'copyAsCurl')).toEqual([[rows()[0]?.id.replace('row-', '')]]);
});

test('a wait in the queue is shown with the time to the first token', async () => {
  const host = open('requests');
  await waitFor(() => expect(rows().length).toBeGreaterThan(5));
  const columns = screen.getAllByRole('columnheader').length;
  host.emit('exchange', row({ id: NEWEST, state: 'streaming', waitMs: 820 }));
  await waitFor(() => expect(first().getByText('queued 0.82 s')).toBeVisible());
  expect(screen.getAllByRole('columnheader')).toHaveLength(columns);
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
  expect(callsTo(host, 'copyPiece')).toEqual([['curl', 1, 'k1', null]]);
  await press('Connect an app');
  await screen.findByRole('heading', { level: 1, name: 'Connect an app' });
});

test('the charts fit the data, and have a text summary and a table', async () => {
  const host = open('requests', { history: 5 });
  await fireEvent.click(await screen.findByRole('tab', { name: 'Charts' }));
  await screen.findByRole('img', { name: /^Requests\. Peak: .* In the last hour:/ });
  expect(screen.getByRole('tab', { name: 'Last hour' })).toHaveAttribute('aria-selected', 'true');
  expect(callsTo(host, 'chart')[0]).toEqual([null, null]);
  expect(screen.getAllByRole('img')).toHaveLength(3);
  expect(document.querySelectorAll('tbody tr')).toHaveLength(30);
  await fireEvent.click(screen.getByRole('tab', { name: 'Last 24 hours' }));
  await waitFor(() => expect(document.querySelectorAll('tbody tr')).toHaveLength(24));
});

test('the arrow keys show the values of a bar, and Enter shows its requests', async () => {
  const host = open('requests', { history: 5 });
  await fireEvent.click(await screen.findByRole('tab', { name: 'Charts' }));
  const plot = await screen.findByRole('slider', { name: 'Requests, by time' });
  await fireEvent.keyDown(plot, { key: 'Home' });
  await fireEvent.keyDown(plot, { key: 'ArrowRight' });
  expect(plot).toHaveAttribute('aria-valuenow', '1');
  expect(plot).toHaveAttribute(
    'aria-valuetext',
    expect.stringMatching(/^\d\d:\d\d–\d\d:\d\d: \d+ answered, \d+ failed$/),
  );
  await fireEvent.keyDown(plot, { key: 'Enter' });
  await screen.findByLabelText('From');
  await waitFor(() => {
    const query = callsTo(host, 'exchanges').at(-1)?.[0] as ExchangeQuery;
    expect((query.until ?? 0) - (query.since ?? 0)).toBe(120_000);
  });
});

test('the charts can be stacked by app', async () => {
  const host = open('requests', { history: 60 });
  await fireEvent.click(await screen.findByRole('tab', { name: 'Charts' }));
  await fireEvent.change(await screen.findByLabelText('Stack by'), { target: { value: 'app' } });
  await waitFor(() => expect(callsTo(host, 'chart').at(-1)?.[1]).toBe('app'));
  expect((await screen.findAllByText('OpenAI Python')).length).toBe(2);
});

test('the failed requests of today lead to the log', async () => {
  const host = open('status', { history: 200 });
  await press(/^\d+ failed$/);
  await screen.findByRole('heading', { level: 1, name: 'Requests' });
  await waitFor(() => expect(callsTo(host, 'exchanges').at(-1)?.[0]).toMatchObject({ show: 'failed' }));
  expect(await screen.findByRole('radio', { name: 'Failed' })).toBeChecked();
});
