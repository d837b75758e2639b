import { fireEvent, screen, waitFor } from '@testing-library/svelte';
import { expect, test } from 'vitest';
import icon from '../../icons/source/app.svg?raw';
import logo from '../src/shell/Logo.svelte?raw';
import { callsTo, dialog, open } from './helpers';

const title = (name: string) => screen.findByRole('heading', { level: 1, name });

test('arrow keys move through the views', async () => {
  open('status');
  const status = screen.getByRole('button', { name: 'Status' });
  status.focus();
  await fireEvent.keyDown(status, { key: 'ArrowDown' });
  await title('Playground');
  expect(screen.getByRole('button', { name: 'Playground' })).toHaveFocus();
  expect(screen.getByRole('button', { name: 'Playground' })).toHaveAttribute('aria-current', 'page');
  await fireEvent.keyDown(screen.getByRole('button', { name: 'Playground' }), { key: 'End' });
  await title('Help');
  await fireEvent.keyDown(screen.getByRole('button', { name: 'Help' }), { key: 'ArrowDown' });
  expect(screen.getByRole('button', { name: 'Status' })).toHaveFocus();
});

test('Ctrl and a digit open a view', async () => {
  open('status');
  await fireEvent.keyDown(window, { key: '5', ctrlKey: true });
  await title('Keys');
});

test('a view opened from the tray focuses its heading', async () => {
  const host = open('status');
  await title('Running on port 8000');
  host.emit('navigate', 'keys');
  const heading = await title('Keys');
  await waitFor(() => expect(heading).toHaveFocus());
});

test('changes made elsewhere appear here', async () => {
  const host = open('status');
  await title('Running on port 8000');
  const overview = await host.overview();
  const health = { ...overview.health, level: 'working' as const, title: 'Stopping…' };
  host.emit('overview', { ...overview, health, proxy: { state: 'stopping' } });
  await title('Stopping…');
  expect(screen.getByRole('switch', { name: 'Run the proxy' })).toBeDisabled();
});

test.each([
  ['Keep running', [[true]]],
  ['Quit', [[false]]],
  ['Cancel', []],
])('closing without a tray asks, and %s answers', async (answer, calls) => {
  const host = open('status', { scenario: 'no-tray' });
  await title('Running on port 8000');
  host.emit('close_asked', null);
  const asks = await dialog('Keep running in the background?');
  await fireEvent.click(asks.getByRole('button', { name: answer }));
  expect(screen.queryByRole('dialog')).toBeNull();
  expect(callsTo(host, 'answerClose')).toEqual(calls);
});

test('the menu beside the name quits', async () => {
  const host = open('status');
  await title('Running on port 8000');
  await fireEvent.click(screen.getByRole('button', { name: 'More' }));
  await fireEvent.click(screen.getByRole('menuitem', { name: 'Quit Codex Proxy' }));
  expect(callsTo(host, 'quit')).toHaveLength(1);
});

test('Settings has no button that quits', async () => {
  open('settings');
  await screen.findByRole('heading', { name: 'Settings' });
  expect(screen.queryByRole('button', { name: /Quit/ })).toBeNull();
});

test('the window is shown once its first view is drawn, and only then', async () => {
  const host = open('status');
  expect(callsTo(host, 'showWindow')).toHaveLength(0);
  await title('Running on port 8000');
  await waitFor(() => expect(callsTo(host, 'showWindow')).toHaveLength(1));
});

test('the logo is the icon of the app', () => {
  for (const shape of icon.matchAll(/ (?:d|r|stop-color|rx)="[^"]+"/g)) expect(logo).toContain(shape[0].trim());
});
