import { screen, waitFor, within } from '@testing-library/svelte';
import { expect, test } from 'vitest';
import { formatElapsed } from '../src/lib/setup';
import { announcement, button, callsTo, open, press } from './helpers';

const card = async () => within(await screen.findByRole('region', { name: 'Welcome to Codex Proxy' }));
const current = async () =>
  (await card())
    .getAllByRole('listitem')
    .find((item) => item.ariaCurrent === 'step' || item.getAttribute('aria-current') === 'step');

test('people who have everything never see the first start', async () => {
  open('status');
  await screen.findByText('http://127.0.0.1:8000/v1');
  expect(screen.queryByRole('heading', { name: 'Welcome to Codex Proxy' })).toBeNull();
});

test('Codex is installed with the command that is shown, and its output is followed', async () => {
  const host = open('status', { scenario: 'setup' });
  expect((await card()).getByText('npm install -g @openai/codex')).toBeVisible();
  await press('Install Codex');
  expect(callsTo(host, 'installCodex')).toHaveLength(1);
  await (await card()).findByRole('progressbar', { name: 'Installing Codex' });
  expect(screen.getByRole('region', { name: 'Welcome to Codex Proxy' })).toHaveTextContent(
    /\$ npm install -g @openai\/codex npm http fetch/,
  );
  await press('Cancel the installation');
  await button('Install Codex');
});

test('a failed installation says what to do, with its output, and can be repeated', async () => {
  const host = open('status', { scenario: 'setup-install-failed' });
  expect(await (await card()).findByRole('alert')).toHaveTextContent(/registry can't be reached.*npm config set proxy/);
  expect((await card()).getByText(/npm error code ENOTFOUND/)).toBeVisible();
  await press('Try again');
  expect(callsTo(host, 'installCodex')).toHaveLength(1);
});

test('without a package manager the user can choose the file or check again', async () => {
  const host = open('status', { scenario: 'setup-no-npm' });
  expect((await card()).getByText(/needs npm, Homebrew or winget/)).toBeVisible();
  expect((await card()).queryByRole('button', { name: 'Install Codex' })).toBeNull();
  await press('Choose file…');
  await waitFor(() => expect(callsTo(host, 'setSetting')).toEqual([['codex_path', '/opt/codex/bin/codex']]));
});

test('a wrong path in the settings can be replaced by the one that is found', async () => {
  const host = open('status', { scenario: 'setup-wrong-path' });
  await press('Find it for me');
  expect(callsTo(host, 'setSetting')).toEqual([['codex_path', null]]);
});

test('the steps turn green by themselves, which is announced', async () => {
  const host = open('status', { scenario: 'setup' });
  expect(await current()).toHaveTextContent('Codex: to do now');
  const base = await host.overview();
  const codex = { ...base.codex, version: '0.169.0' };
  host.emit('overview', { ...base, codex, setup: { ...base.setup!, step: 'account' } });
  await waitFor(async () => expect(await current()).toHaveTextContent('Account: to do now'));
  expect((await card()).getByText('0.169.0')).toBeVisible();
  expect(announcement()).toBe('Codex is installed.');
  host.emit('overview', { ...base, codex, setup: { ...base.setup!, step: 'firstApp' } });
  await waitFor(async () => expect(await current()).toHaveTextContent('First app: to do now'));
  expect((await card()).getByText('Waiting for the first request…')).toBeVisible();
});

test('the address and the key for an app are copied in one click', async () => {
  const host = open('status', { scenario: 'setup-first-app' });
  await press(/^Copy URL and key/);
  await press('curl');
  expect(await button('curl')).toHaveAttribute('aria-pressed', 'true');
  await press(/^Copy command/);
  expect(callsTo(host, 'copyBoth')).toEqual([[null, null, null]]);
  const [[recipe, index] = []] = callsTo(host, 'copyPiece') as [string, number][];
  const curl = (await host.recipes(null, null)).find(({ id }) => id === recipe);
  expect([recipe, curl?.pieces[index ?? 0]?.text.includes('/models')]).toEqual(['curl', false]);
});

test('the failure of the first request is shown until one succeeds', async () => {
  open('status', { scenario: 'setup-first-app-failed' });
  expect(await (await card()).findByText(/Open WebUI failed: Unknown model gpt-4o-mini/)).toBeVisible();
});

test('the first answer is celebrated with its time, and Done folds the card away', async () => {
  const host = open('status', { scenario: 'setup-done' });
  expect(await (await card()).findByText('Your first answer took 0.41 s · Open WebUI')).toBeVisible();
  await press('Done');
  expect(callsTo(host, 'skipSetup')).toHaveLength(1);
  await waitFor(() => expect(screen.queryByRole('heading', { name: 'Welcome to Codex Proxy' })).toBeNull());
});

test('the first start can be skipped', async () => {
  const host = open('status', { scenario: 'setup' });
  await press('Skip the setup');
  expect(callsTo(host, 'skipSetup')).toHaveLength(1);
});

test.each(['setup', 'setup-install-failed', 'setup-account', 'setup-first-app', 'setup-done'] as const)(
  'in the scenario %s, one button is the primary one',
  async (scenario) => {
    open('status', { scenario });
    await card();
    await waitFor(() => expect(document.querySelectorAll('main .button.primary')).toHaveLength(1));
  },
);

test('the time of an installation is shown in minutes and seconds', () => {
  expect([formatElapsed(-5), formatElapsed(7_400), formatElapsed(750_000)]).toEqual(['0:00', '0:07', '12:30']);
});
