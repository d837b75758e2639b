import { cleanup, fireEvent, screen, waitFor, within } from '@testing-library/svelte';
import { expect, test } from 'vitest';
import type { Overview } from '../src/bindings/Overview';
import { overviewFor } from '../src/lib/fake/scenario';
import { knownAccount, signedInMessage } from '../src/lib/account';
import type { FakeHost } from '../src/lib/host-fake';
import { announcement, callsTo, dialog, open, press, type } from './helpers';

const card = async () => within(await screen.findByRole('region', { name: 'Account' }));
const show = async (host: FakeHost, change: Partial<Overview>) =>
  host.emit('overview', { ...(await host.overview()), ...change });

test('somebody who is signed out signs in with ChatGPT, and is told the name', async () => {
  const host = open('status', { scenario: 'not-signed-in' });
  await press('Sign in with ChatGPT');
  expect(callsTo(host, 'signIn')).toEqual([['browser']]);
  await screen.findByText('Waiting for you to sign in, in your browser…');
  await press('Open browser again');
  expect(callsTo(host, 'openSignInPage')).toHaveLength(1);

  const { codex, health } = overviewFor('running', Date.now());
  await show(host, { codex, health, signIn: { state: 'succeeded', name: 'me@example.com' } });
  await waitFor(() => expect(announcement()).toBe('Signed in as me@example.com.'));
});

test('a code for another device is shown large with its page, and can be copied', async () => {
  const host = open('status', { scenario: 'not-signed-in' });
  await press('Use a code on another device');
  expect(callsTo(host, 'signIn')).toEqual([['deviceCode']]);
  expect(await screen.findByLabelText('Your code')).toHaveTextContent('ABCD-12345');
  await press('Copy: your code');
  expect(callsTo(host, 'copyText')).toEqual([['ABCD-12345']]);
  await press('Open page');
  expect(callsTo(host, 'openSignInPage')).toHaveLength(1);
});

test('a sign-in can be cancelled and begun in another way', async () => {
  const host = open('status', { scenario: 'not-signed-in' });
  await press('Sign in with ChatGPT');
  await press('Cancel');
  expect(callsTo(host, 'cancelSignIn')).toHaveLength(1);
  await press('Use a code on another device');
  await screen.findByLabelText('Your code');
});

test('a failed sign-in says why, and can be tried again', async () => {
  const host = open('status', { scenario: 'not-signed-in' });
  await screen.findByRole('button', { name: 'Sign in with ChatGPT' });
  await show(host, { signIn: { state: 'failed', message: 'The sign-in was declined.' } });
  expect(await screen.findByText(/Couldn't sign in\. The sign-in was declined\./)).toBeVisible();
  await press('Try again with ChatGPT');
  expect(callsTo(host, 'signIn')).toEqual([['browser']]);
});

test('an API key is typed into a password field, and forgotten by the window', async () => {
  const host = open('status', { scenario: 'not-signed-in' });
  await press('Use an API key');
  await press('Use this key');
  expect(await screen.findByText('Enter an API key.')).toBeVisible();
  const field = await type('OpenAI API key', 'sk-mine');
  expect(field).toHaveAttribute('type', 'password');
  await press('Use this key');
  await waitFor(() => expect(callsTo(host, 'signInWithApiKey').at(-1)).toEqual(['sk-mine']));
  await waitFor(async () => expect((await card()).getByText('OpenAI API key')).toBeVisible());
  expect(document.body.innerHTML).not.toContain('sk-mine');
});

test('the account is shown with plan and workspace, and signing out asks first', async () => {
  const host = open('status');
  const account = await card();
  for (const text of ['me@example.com', 'Plus', 'Personal']) expect(account.getByText(text)).toBeVisible();
  await press('Sign out: account');
  await fireEvent.click((await dialog('Sign out?')).getByRole('button', { name: 'Cancel' }));
  expect(callsTo(host, 'signOut')).toHaveLength(0);
  await press('Sign out: account');
  await fireEvent.click((await dialog('Sign out?')).getByRole('button', { name: 'Sign out' }));
  await waitFor(() => expect(announcement()).toBe('Signed out.'));
  await screen.findByRole('button', { name: 'Sign in with ChatGPT' });
});

test('another workspace can be chosen, and a refusal is explained', async () => {
  const host = open('status');
  await press('Switch: account');
  host.failNext('switchAccount', { message: 'Workspace switch was rejected.', fields: [] });
  await press('Acme Inc');
  expect(await screen.findByText('Workspace switch was rejected.')).toBeVisible();
  await press('Acme Inc');
  await waitFor(() => expect(announcement()).toBe('Switched to Acme Inc.'));
  expect(callsTo(host, 'switchAccount')).toEqual([['session/Acme Inc'], ['session/Acme Inc']]);
  expect((await card()).getByText('Team')).toBeVisible();
});

test('somebody else can sign in instead, or not after all', async () => {
  const host = open('status');
  await press('Switch: account');
  await press('Sign in with another account');
  const account = await card();
  await fireEvent.click(account.getByRole('button', { name: 'Cancel' }));
  expect(account.queryByRole('button', { name: 'Sign in with ChatGPT' })).toBeNull();
  expect(callsTo(host, 'signIn')).toHaveLength(0);
});

test('nothing can be signed out where Codex uses a provider of its own', async () => {
  const host = open('status');
  await screen.findByRole('button', { name: 'Sign out: account' });
  const { codex } = await host.overview();
  const own = {
    kind: 'notNeeded',
    name: 'Not needed (custom provider)',
    email: null,
    plan: null,
    workspace: null,
  } as const;
  await show(host, { codex: { ...codex, account: own } });
  await screen.findByText('Not needed (custom provider)');
  expect((await card()).queryByRole('button')).toBeNull();
});

test('a new sign-in is told once, however it came about', () => {
  expect(signedInMessage(null, 'me@example.com')).toBe('Signed in as me@example.com.');
  expect(signedInMessage('me@example.com', 'you@example.com')).toBe('Signed in as you@example.com.');
  expect(signedInMessage(null, 'OpenAI API key')).toBe('Signed in with an API key.');
  for (const [before, now] of [
    [undefined, 'me@example.com'],
    ['me@example.com', 'me@example.com'],
    ['me@example.com', undefined],
    ['me@example.com', null],
  ] as const)
    expect(signedInMessage(before, now)).toBeNull();
});

test('an account that Codex is just reading is not one that was signed out', async () => {
  const host = open('status', { scenario: 'starting' });
  expect(knownAccount(await host.overview())).toBeUndefined();
});

test('the command menu signs in, and asks before it signs out', async () => {
  const host = open('keys', { scenario: 'not-signed-in' });
  await screen.findByRole('heading', { level: 1, name: 'Keys' });
  await fireEvent.keyDown(window, { key: 'k', ctrlKey: true });
  await fireEvent.click(await screen.findByRole('option', { name: 'Sign in with ChatGPT' }));
  await waitFor(() => expect(callsTo(host, 'signIn')).toEqual([['browser']]));
  cleanup();

  const signedIn = open('keys');
  await screen.findByRole('heading', { level: 1, name: 'Keys' });
  await fireEvent.keyDown(window, { key: 'k', ctrlKey: true });
  await fireEvent.click(await screen.findByRole('option', { name: 'Sign out of Codex…' }));
  const confirm = await dialog(/Sign out/);
  expect(callsTo(signedIn, 'signOut')).toEqual([]);
  await fireEvent.click(confirm.getByRole('button', { name: 'Sign out' }));
  await waitFor(() => expect(callsTo(signedIn, 'signOut')).toHaveLength(1));
});
