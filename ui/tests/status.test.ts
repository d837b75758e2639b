import { fireEvent, screen, waitFor, within } from '@testing-library/svelte';
import { expect, test, vi } from 'vitest';
import { SCENARIOS } from '../src/lib/fake/scenario';
import { callsTo, button, open, press, announcement } from './helpers';

const RUNNING = 'Running on port 8000';

test('the switch in the sidebar stops the proxy and starts it again', async () => {
  const host = open('status');
  const toggle = await screen.findByRole('switch', { name: 'Run the proxy' });
  await waitFor(() => expect(toggle).toBeEnabled());
  expect(toggle).toHaveAttribute('aria-checked', 'true');

  await fireEvent.click(toggle);
  await screen.findByRole('heading', { level: 1, name: 'Stopped' });
  expect(toggle).toHaveAttribute('aria-checked', 'false');
  expect(announcement()).toBe('Proxy stopped.');

  await fireEvent.click(toggle);
  await screen.findByRole('heading', { level: 1, name: RUNNING });
  expect([callsTo(host, 'stopProxy').length, callsTo(host, 'startProxy').length]).toEqual([1, 1]);
});

test('a failed start shows the error, and the switch stays off', async () => {
  const host = open('status', { scenario: 'stopped' });
  host.failNext('startProxy', { message: 'Port 8000 is taken.', fields: [] });
  await fireEvent.click(
    await screen
      .findByRole('switch', { name: 'Run the proxy' })
      .then((toggle) => waitFor(() => (expect(toggle).toBeEnabled(), toggle))),
  );
  expect(await screen.findByText('Port 8000 is taken.')).toBeVisible();
  expect(screen.getByRole('switch', { name: 'Run the proxy' })).toHaveAttribute('aria-checked', 'false');
  await press('Dismiss message');
  expect(screen.queryByText('Port 8000 is taken.')).toBeNull();
});

test.each([
  ['codex-broken', "Codex couldn't start", 'Check again', 'recheckCodex'],
  ['codex-path', "Can't use the chosen Codex", 'Choose file…', 'pickCodex'],
  ['codex-path', "Can't use the chosen Codex", 'Find it for me', 'setSetting'],
  ['port-taken', 'Port 8000 is taken', 'Use port 8001', 'useFreePort'],
  ['damaged', "A file couldn't be read", 'Show files', 'openDataFolder'],
  ['damaged', "A file couldn't be read", 'Dismiss', 'dismissNotice'],
] as const)('in the scenario %s, "%s" has the button "%s"', async (scenario, heading, fix, call) => {
  const host = open('status', { scenario });
  await screen.findByRole('heading', { level: 1, name: heading });
  const problem = within(screen.getByRole('region', { name: 'Problem' }));
  await fireEvent.click(problem.getByRole('button', { name: fix }));
  await waitFor(() => expect(callsTo(host, call)).toHaveLength(1));
});

test.each(SCENARIOS.filter((scenario) => scenario !== 'loading' && scenario !== 'broken'))(
  'in the scenario %s, heading and sidebar tell the same',
  async (scenario) => {
    const host = open('status', { scenario });
    const { health } = await host.overview();
    const heading = await screen.findByRole('heading', { level: 1, name: health.title });
    const sidebar = screen.getByRole('complementary');
    expect(sidebar).toHaveTextContent(health.title);
    for (const place of [heading, sidebar.querySelector('.footer')]) {
      expect(place?.querySelector('.dot')?.classList.contains('good')).toBe(health.level === 'ok');
    }
  },
);

test('a stopped proxy is no problem, and is started from the heading', async () => {
  const host = open('status', { scenario: 'stopped' });
  await screen.findByRole('heading', { level: 1, name: 'Stopped' });
  expect(screen.queryByRole('region', { name: 'Problem' })).toBeNull();
  await press('Start');
  await screen.findByRole('heading', { level: 1, name: RUNNING });
  expect(callsTo(host, 'startProxy')).toHaveLength(1);
});

test('a check that changes nothing says so', async () => {
  const host = open('status', { scenario: 'codex-broken' });
  host.recheckCodex = async () => {};
  await press('Check again');
  expect(await button('Checking…')).toBeDisabled();
  await screen.findByText(/^Checked at .* Nothing has changed\.$/);
});

test('a reached limit says when it resets', async () => {
  open('status', { scenario: 'limit-reached' });
  await screen.findByRole('heading', { level: 1, name: 'Usage limit reached' });
  await screen.findByText(/ Resets .*\d{1,2}:\d\d( [AP]M)?\.$/);
});

test.each(['connect', 'requests', 'keys', 'settings'] as const)(
  'the view %s shows a problem on top, with its fix',
  async (view) => {
    const host = open(view, { scenario: 'port-taken' });
    const strip = within(await screen.findByRole('region', { name: 'Problem' }));
    expect(strip.getByText('Port 8000 is taken')).toBeVisible();
    await fireEvent.click(strip.getByRole('button', { name: 'Use port 8001' }));
    await waitFor(() => expect(screen.queryByRole('region', { name: 'Problem' })).toBeNull());
    expect(callsTo(host, 'useFreePort')).toHaveLength(1);
  },
);

test('while another program has the port, its address cannot be copied', async () => {
  open('status', { scenario: 'port-taken' });
  expect(await button('Copy: base URL')).toBeDisabled();
  expect(await button('Connect an app')).toBeDisabled();
});

test('the numbers of running and queued requests are shown and updated', async () => {
  const host = open('status');
  await screen.findByText(/idle$/);
  const overview = await host.overview();
  host.emit('overview', { ...overview, runningNow: 5, answering: 2, waiting: 3 });
  await screen.findByText(/2 running, 3 queued$/);
  host.emit('overview', { ...overview, runningNow: 1, answering: 1, waiting: 0 });
  await screen.findByText(/· 1 running$/);
});

test('a problem with the network opens the settings', async () => {
  const host = open('status');
  await screen.findByRole('heading', { level: 1, name: RUNNING });
  host.emit('overview', {
    ...(await host.overview()),
    health: {
      level: 'blocked',
      title: "The proxy couldn't start",
      detail: 'No.',
      until: null,
      fix: { action: 'openNetworkSettings', label: 'Network settings' },
    },
  });
  await press('Network settings');
  await screen.findByRole('heading', { level: 1, name: 'Settings' });
});

test('a command in a problem can be copied', async () => {
  const host = open('status', { scenario: 'codex-broken' });
  await press('Copy: codex');
  expect(callsTo(host, 'copyText')).toEqual([['codex']]);
});

test('copying the base URL is announced', async () => {
  const host = open('status');
  await press('Copy: base URL');
  expect(callsTo(host, 'copyText')).toEqual([['http://127.0.0.1:8000/v1']]);
  await waitFor(() => expect(announcement()).toBe('Copied: base URL'));
});

test('a failed copy is not announced', async () => {
  const host = open('status');
  host.failNext('copyText', { message: 'The clipboard is not there.', fields: [] });
  await press('Copy: base URL');
  await screen.findByText('The clipboard is not there.');
  expect(announcement()).toBe('');
});

test('until the state is loaded there is a skeleton, and the switch is disabled', async () => {
  open('status', { scenario: 'loading' });
  expect((await screen.findAllByRole('status', { name: 'Loading' })).length).toBeGreaterThan(0);
  expect(screen.getByRole('switch', { name: 'Run the proxy' })).toBeDisabled();
});

test('a failed load can be retried', async () => {
  const host = open('status', { scenario: 'broken' });
  await press('Try again');
  expect(callsTo(host, 'overview')).toHaveLength(2);
});

test('the proxy overhead is shown separately', async () => {
  open('status');
  await screen.findByText(/^median · proxy [12] ms$/);
});

test("today's numbers are refreshed while requests keep coming", async () => {
  vi.useFakeTimers();
  try {
    const host = open('status');
    await vi.advanceTimersByTimeAsync(10);
    const overview = await host.overview();
    for (let more = 1; more <= 6; more += 1) {
      host.emit('overview', { ...overview, requestsToday: overview.requestsToday + more });
      await vi.advanceTimersByTimeAsync(500);
    }
    expect(callsTo(host, 'today').length).toBeGreaterThan(1);
  } finally {
    vi.useRealTimers();
  }
});

test('an older Codex is shown with what it lacks and the command to update it', async () => {
  open('status', { scenario: 'older-codex' });
  const card = within(await screen.findByRole('region', { name: 'Codex and keychain' }));
  expect(await card.findByText(/Codex 0\.120\.0 is old/)).toBeVisible();
  expect(card.getByText('npm install -g @openai/codex@latest')).toBeVisible();
  expect(card.getByText('Missing in this version')).toBeVisible();
});

test('a current Codex has no missing features', async () => {
  open('status');
  const card = within(await screen.findByRole('region', { name: 'Codex and keychain' }));
  await card.findByText('ready');
  expect(card.queryByText('Missing in this version')).toBeNull();
});
