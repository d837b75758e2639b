import { fireEvent, screen, waitFor, within } from '@testing-library/svelte';
import { expect, test, vi } from 'vitest';
import { callsTo, button, open, press, announcement, type } from './helpers';

test('the switch at the lower left stops the proxy and starts it again', async () => {
  const host = open('status');
  const toggle = await screen.findByRole('switch', { name: 'Run the proxy' });
  await waitFor(() => expect(toggle).toBeEnabled());
  expect(toggle).toHaveAttribute('aria-checked', 'true');

  await fireEvent.click(toggle);
  await screen.findByRole('heading', { level: 1, name: 'Stopped' });
  expect(toggle).toHaveAttribute('aria-checked', 'false');
  expect(announcement()).toBe('The proxy is stopped.');

  await fireEvent.click(toggle);
  await screen.findByRole('heading', { level: 1, name: 'Ready for requests' });
  expect([callsTo(host, 'stopProxy').length, callsTo(host, 'startProxy').length]).toEqual([1, 1]);
});

test('a proxy that cannot be started says why, and the switch stays off', async () => {
  const host = open('status', { scenario: 'stopped' });
  host.failNext('startProxy', { message: 'Port 8000 is taken.', fields: [] });
  await fireEvent.click(
    await screen
      .findByRole('switch', { name: 'Run the proxy' })
      .then((toggle) => waitFor(() => (expect(toggle).toBeEnabled(), toggle))),
  );
  expect(await screen.findByText('Port 8000 is taken.')).toBeVisible();
  expect(screen.getByRole('switch', { name: 'Run the proxy' })).toHaveAttribute('aria-checked', 'false');
  await press('Close the message');
  expect(screen.queryByText('Port 8000 is taken.')).toBeNull();
});

test.each([
  ['codex-missing', 'Codex is missing', 'Look again', 'lookAgain'],
  ['not-signed-in', 'Codex is not signed in', 'Look again', 'lookAgain'],
  ['port-taken', 'Port 8000 is taken', 'Use port 8001', 'useFreePort'],
  ['stopped', 'Stopped', 'Start the proxy', 'startProxy'],
] as const)(
  'when things are %s, the problem has its fix beside it, and the fix works',
  async (scenario, heading, fix, call) => {
    const host = open('status', { scenario });
    await screen.findByRole('heading', { level: 1, name: heading });
    const problem = within(screen.getByRole('region', { name: 'What needs doing' }));
    await fireEvent.click(problem.getByRole('button', { name: fix }));
    await screen
      .findByRole('heading', { level: 1, name: 'Ready for requests' })
      .catch(() => screen.findByText(/^Running since/));
    expect(callsTo(host, call)).toHaveLength(1);
    expect(screen.queryByRole('region', { name: 'What needs doing' })).toBeNull();
  },
);

test('how many are answered and wait is said, and follows', async () => {
  const host = open('status');
  await screen.findByText(/no request is running$/);
  const overview = await host.overview();
  host.emit('overview', { ...overview, runningNow: 5, answering: 2, waiting: 3 });
  await screen.findByText(/2 answering, 3 waiting for a place$/);
  host.emit('overview', { ...overview, runningNow: 1, answering: 1, waiting: 0 });
  await screen.findByText(/· 1 answering$/);
});

test('a problem that the settings solve opens them', async () => {
  const host = open('status');
  await screen.findByText('Ready for requests');
  host.emit('overview', {
    ...(await host.overview()),
    problem: { message: 'The folder is gone.', nextStep: 'Choose another.', fix: 'openSettings' },
  });
  await press('Open settings');
  await screen.findByRole('heading', { level: 1, name: 'Settings' });
});

test('the command that a problem names can be copied', async () => {
  const host = open('status', { scenario: 'codex-missing' });
  await press('Copy: npm install -g @openai/codex');
  expect(callsTo(host, 'copyText')).toEqual([['npm install -g @openai/codex']]);
});

test('the base URL is copied and said to be', async () => {
  const host = open('status');
  await press('Copy: base URL');
  expect(callsTo(host, 'copyText')).toEqual([['http://127.0.0.1:8000/v1']]);
  await waitFor(() => expect(announcement()).toBe('Copied: base URL'));
});

test('a copy that was refused is not said to have worked', async () => {
  const host = open('status');
  host.failNext('copyText', { message: 'The clipboard is not there.', fields: [] });
  await press('Copy: base URL');
  await screen.findByText('The clipboard is not there.');
  expect(announcement()).toBe('');
});

test('a test prompt streams its answer, with the time to the first token', async () => {
  const host = open('status');
  await type('Test prompt', 'Hi');
  await press('Send');
  await screen.findByText('Hello there, nice meeting you.');
  expect(screen.getByText('first token 0.38 s')).toBeVisible();
  expect(screen.getByText('0.91 s in all · codex-local')).toBeVisible();
  expect(callsTo(host, 'sendTestPrompt')[0]?.[0]).toBe('Hi');
});

test('a test prompt can be stopped', async () => {
  const host = open('status', { live: true });
  await screen.findByText(/^Running since/);
  await press('Send');
  await press('Stop');
  await screen.findByText('Stopped; codex was told so.');
  expect(callsTo(host, 'stopTestPrompt')).toHaveLength(1);
});

test('a test prompt that failed says why', async () => {
  const host = open('status');
  host.failNext('sendTestPrompt', { message: 'codex is not signed in.', fields: [] });
  await press('Send');
  await screen.findByText('codex is not signed in.');
});

test('a stopped proxy takes no test prompt', async () => {
  open('status', { scenario: 'stopped' });
  expect(await button('Send')).toBeDisabled();
});

test('before the first answer there is a quiet skeleton, and the switch waits', async () => {
  open('status', { scenario: 'loading' });
  expect((await screen.findAllByRole('status', { name: 'Loading' })).length).toBeGreaterThan(0);
  expect(screen.getByRole('switch', { name: 'Run the proxy' })).toBeDisabled();
});

test('an app that does not answer is said so, and can be asked again', async () => {
  const host = open('status', { scenario: 'broken' });
  await press('Try again');
  expect(callsTo(host, 'overview')).toHaveLength(2);
});

test('how long the proxy itself took stands apart from the whole', async () => {
  open('status');
  await screen.findByText(/^the proxy’s share: [12] ms$/);
});

test('the numbers of today follow, although requests keep coming', async () => {
  vi.useFakeTimers();
  try {
    const host = open('status');
    await vi.advanceTimersByTimeAsync(10);
    const overview = await host.overview();
    for (let more = 1; more <= 6; more += 1) {
      host.emit('overview', { ...overview, requestsToday: overview.requestsToday + more });
      await vi.advanceTimersByTimeAsync(500);
    }
    expect(callsTo(host, 'chart').length).toBeGreaterThan(1);
  } finally {
    vi.useRealTimers();
  }
});

test('an older codex is named with what it cannot do and with the command that updates it', async () => {
  open('status', { scenario: 'older-codex' });
  const card = within(await screen.findByRole('region', { name: 'Codex and the keychain' }));
  expect(await card.findByText(/This codex \(0\.120\.0\) cannot take the earlier messages/)).toBeVisible();
  expect(card.getByText('npm install -g @openai/codex@latest')).toBeVisible();
  expect(card.queryByText(/keeps who said what/)).toBeNull();
});

test('a codex that can everything is not said to lack anything', async () => {
  open('status');
  const card = within(await screen.findByRole('region', { name: 'Codex and the keychain' }));
  await card.findByText('It can');
  expect(card.queryByText('It cannot')).toBeNull();
});
