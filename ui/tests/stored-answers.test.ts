import { fireEvent, screen, waitFor } from '@testing-library/svelte';
import { expect, test } from 'vitest';
import { callsTo, dialog, openSettings } from './helpers';

const button = () => screen.findByRole('button', { name: 'Delete stored answers' });

test('the page says how many answers apps store, and for how long', async () => {
  await openSettings('Privacy');
  expect(await screen.findByText('12 answers stored in memory.')).toBeVisible();
  expect(screen.getByText(/kept in memory until Codex Proxy quits/)).toBeVisible();
  await fireEvent.click(screen.getByRole('switch', { name: 'Save prompts and answers' }));
  expect(await screen.findByText('12 answers stored on this computer (341 KB).')).toBeVisible();
  expect(screen.getByText(/also after a restart, for 30 days and up to 256 MB/)).toBeVisible();
});

test('stored answers are deleted after a question', async () => {
  const host = await openSettings('Privacy');
  await fireEvent.click(await button());
  const question = await dialog('Delete stored answers?');
  await fireEvent.click(question.getByRole('button', { name: 'Cancel' }));
  expect(callsTo(host, 'forgetStoredAnswers')).toEqual([]);
  await fireEvent.click(await button());
  await fireEvent.click((await dialog('Delete stored answers?')).getByRole('button', { name: 'Delete' }));
  expect(await screen.findByText('No answers are stored.')).toBeVisible();
  expect(callsTo(host, 'forgetStoredAnswers')).toEqual([[]]);
  expect(await button()).toBeDisabled();
  await waitFor(() => expect(screen.getByLabelText('Messages')).toHaveTextContent('Stored answers deleted.'));
});

test('a failure is shown, and the answers stay', async () => {
  const host = await openSettings('Privacy');
  host.failNext('forgetStoredAnswers', {
    message: "Couldn't delete the stored answers: disk I/O error. Try again.",
    fields: [],
  });
  await fireEvent.click(await button());
  await fireEvent.click((await dialog('Delete stored answers?')).getByRole('button', { name: 'Delete' }));
  expect(await screen.findByText(/disk I\/O error/)).toBeVisible();
  expect(screen.getByText('12 answers stored in memory.')).toBeVisible();
});
