import { fireEvent, screen, waitFor, within } from '@testing-library/svelte';
import { expect, test } from 'vitest';
import { formatReset } from '../src/lib/limits';
import { callsTo, open } from './helpers';

const card = async () => within(await screen.findByRole('region', { name: 'Usage limits' }));
const NOW = new Date(2026, 10, 26, 9, 30).getTime();

test('each limit shows what is left, what is used and when it resets', async () => {
  open('status');
  const limits = await card();
  expect(limits.getByText('58% left')).toBeVisible();
  expect(limits.getByText('42% used')).toBeVisible();
  const [hours, week] = limits.getAllByRole('meter');
  expect(hours).toHaveAttribute('aria-valuenow', '42');
  expect(hours).toHaveAttribute('aria-valuetext', expect.stringMatching(/^42% used, 58% left\. resets .*\d\d/));
  expect(hours).toHaveAttribute('aria-label', '5 hours: used');
  expect(week).toHaveAttribute('aria-valuetext', expect.stringMatching(/^38% used, 62% left\. resets \p{L}/u));
  expect(limits.getAllByText(/^resets /)).toHaveLength(2);
});

test('the pace is shown only where a limit does not last', async () => {
  open('status', { scenario: 'limit-near' });
  expect((await card()).getAllByText(/^At this pace until .*\d\d/)).toHaveLength(1);
});

test('a reached limit is marked, and its fix moves there', async () => {
  open('status', { scenario: 'limit-reached' });
  const limits = await card();
  expect(limits.getByText('Limit reached')).toBeVisible();
  expect(limits.getByText('0% left')).toBeVisible();
  await fireEvent.click(await screen.findByRole('button', { name: 'Show limits' }));
  await waitFor(() => expect(screen.getByRole('region', { name: 'Usage limits' })).toHaveFocus());
});

test('from another view, the fix of a reached limit opens the limits', async () => {
  open('keys', { scenario: 'limit-reached' });
  await fireEvent.click(await screen.findByRole('button', { name: 'Show limits' }));
  await waitFor(() => expect(screen.getByRole('region', { name: 'Usage limits' })).toHaveFocus());
});

test('an account without limits has no card, as an API key', async () => {
  const host = open('status');
  await card();
  host.emit('overview', { ...(await host.overview()), limits: null });
  await waitFor(() => expect(screen.queryByRole('region', { name: 'Usage limits' })).toBeNull());
});

test('the limits are read again when they are shown and when the window gets the focus', async () => {
  const host = open('status');
  await card();
  await waitFor(() => expect(callsTo(host, 'refreshLimits')).toHaveLength(1));
  await fireEvent.focus(window);
  expect(callsTo(host, 'refreshLimits')).toHaveLength(2);
});

test("reset times name their day unless it is today, in the system's form", () => {
  const at = (day: number, hour: number) => new Date(2026, 10, day, hour, 20).getTime();
  expect(formatReset(at(26, 14), NOW, 'en-GB')).toBe('14:20');
  expect(formatReset(at(27, 0), NOW, 'en-GB')).toBe('Fri 0:20');
  expect(formatReset(at(30, 14), NOW, 'en-US').replace(/\s/g, ' ')).toBe('Mon 2:20 PM');
  expect(formatReset(at(38, 14), NOW, 'en-GB')).toBe('8 Dec 14:20');
});
