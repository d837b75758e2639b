import { fireEvent, screen, waitFor, within } from '@testing-library/svelte';
import { expect, test } from 'vitest';
import type { Changes } from '../src/bindings/Changes';
import type { ExchangeDetail } from '../src/bindings/ExchangeDetail';
import type { ExchangeRow } from '../src/bindings/ExchangeRow';
import type { Review } from '../src/bindings/Review';
import { changedFiles } from '../src/lib/changes';
import { NO_FILTERS, toQuery } from '../src/lib/request-rows';
import type { FakeHost, FakeOptions } from '../src/lib/host-fake';
import { announcement, callsTo, dialog, open, openSettings, press, row } from './helpers';

const PATCH = `diff --git a/a.txt b/a.txt
--- a/a.txt
+++ b/a.txt
@@ -1 +1 @@
-old
+new
`;
const CHANGES: Changes = {
  folder: '/home/me/projects/shop',
  count: 1,
  files: [{ path: 'a.txt', what: 'changed', from: null, added: 1, removed: 1, binary: false, link: false }],
  diff: PATCH,
  diffCut: false,
  undo: { state: 'possible' },
};
const REVIEW: Review = {
  state: 'done',
  began: 1_000,
  ended: 13_000,
  step: null,
  summary: '',
  findings: [],
  tokens: null,
};

/** Opens the newest request, which changed files. */
async function openChanged(
  detail: Partial<ExchangeDetail> = {},
  change: Partial<ExchangeRow> = {},
  options: FakeOptions = {},
): Promise<FakeHost> {
  const host = open('requests', { history: 5, ...options });
  const changed = row({ id: 'ffffffffffff', app: 'Zed', filesChanged: 1, ...change });
  host.exchangeDetail = async () => ({
    row: changed,
    steps: [],
    requestText: null,
    answerText: null,
    chat: null,
    pictures: [],
    changes: CHANGES,
    review: null,
    ...detail,
  });
  host.emit('exchange', changed);
  await fireEvent.click(await screen.findByText('Zed'));
  return host;
}
const section = async () => within(await screen.findByRole('region', { name: 'Changed files' }));

test('a row says how many files its answer changed', async () => {
  const host = open('requests', { history: 5 });
  host.emit('exchange', row({ id: 'ffffffffffff', app: 'Zed', commands: 2, filesChanged: 3 }));
  const cell = (await screen.findByText('Zed')).closest<HTMLElement>('[role=row]');
  await waitFor(() => expect(within(cell as HTMLElement).getByText('3 files · 2 commands')).toBeVisible());
});

test('the details of a request show what changed, and copy it as a patch', async () => {
  const host = await openChanged();
  const changed = await section();
  expect(changed.getByRole('heading', { name: '1 file changed' })).toBeVisible();
  expect(changed.getByRole('button', { name: /~\/projects\/shop/ })).toBeVisible();
  expect(changed.getByText('new', { selector: '.text' })).toBeVisible();
  await fireEvent.click(changed.getByRole('button', { name: 'Copy patch: the changes as a git patch' }));
  expect(callsTo(host, 'copyText')).toEqual([[PATCH]]);
});

test('undo says beforehand what it puts back and what it leaves, and can be cancelled', async () => {
  const host = await openChanged();
  await press('Undo…');
  const question = await dialog('Undo the changes to 1 file?');
  const text = screen.getByRole('dialog').textContent;
  expect(text).toMatch(/everything that changed in ~\/projects\/shop while the answer ran, also what you or\s+other/);
  expect(text).toContain('nested repositories');
  await fireEvent.click(question.getByRole('button', { name: 'Cancel' }));
  expect(callsTo(host, 'undoChanges')).toEqual([]);
});

test('undo shows which files were put back, and which were left and why', async () => {
  const host = await openChanged();
  await press('Undo…');
  await press('Undo changes');
  expect(callsTo(host, 'undoChanges')).toEqual([['ffffffffffff']]);
  const changed = await section();
  expect(await changed.findByText('Undid the changes to 3 files.')).toBeVisible();
  expect(changed.getByText('1 file left as it is:')).toBeVisible();
  expect(changed.getByText('It was edited after the answer.').closest('li')).toHaveTextContent('README.md');
  expect(announcement()).toBe('Undid the changes to 3 files.');
});

test('undone changes can be redone, and are not reviewed', async () => {
  const host = await openChanged({ changes: { ...CHANGES, undo: { state: 'undone' } } });
  const changed = await section();
  expect(changed.getByText('undone')).toBeVisible();
  expect(changed.queryByRole('button', { name: 'Have it reviewed' })).toBeNull();
  await press('Redo changes…');
  await press('Redo changes');
  expect(callsTo(host, 'redoChanges')).toEqual([['ffffffffffff']]);
  expect(await changed.findByText('Redid the changes to 3 files.')).toBeVisible();
});

test('changes that cannot be undone say why', async () => {
  await openChanged({ changes: { ...CHANGES, undo: { state: 'not', why: 'The folder was too large.' } } });
  const changed = await section();
  expect(changed.getByText("Can't be undone. The folder was too large.")).toBeVisible();
  expect(changed.queryByRole('button', { name: 'Undo…' })).toBeNull();
});

test('a failed undo shows its error and leaves the button', async () => {
  const host = await openChanged();
  host.failNext('undoChanges', { message: 'Codex is working in this folder.', fields: [] });
  await press('Undo…');
  await press('Undo changes');
  expect(await screen.findByText('Codex is working in this folder.')).toBeVisible();
  expect((await section()).getByRole('button', { name: 'Undo…' })).toBeEnabled();
});

test('a request whose changes are no longer known says so', async () => {
  await openChanged({ changes: null }, { filesChanged: 3 });
  expect(await screen.findByText(/^3 files changed\. What changed is no longer known/)).toBeVisible();
});

test('a review says that it uses the limits, shows its progress and can be stopped', async () => {
  const host = await openChanged();
  const changed = await section();
  expect(changed.getByText(/uses your account's limits/)).toBeVisible();
  await fireEvent.click(changed.getByRole('button', { name: 'Have it reviewed' }));
  expect(callsTo(host, 'reviewChanges')).toEqual([['ffffffffffff']]);

  host.exchangeDetail = async () => ({
    row: row({ id: 'ffffffffffff', filesChanged: 1 }),
    steps: [],
    requestText: null,
    answerText: null,
    chat: null,
    pictures: [],
    changes: CHANGES,
    review: { ...REVIEW, state: 'running', ended: null, step: 'rg -n old' },
  });
  host.emit('exchange', row({ id: 'ffffffffffff', app: 'Zed', filesChanged: 1 }));
  expect(await changed.findByText('Codex is reviewing the changes…')).toBeVisible();
  expect(changed.getByText('rg -n old')).toBeVisible();
  expect(changed.queryByRole('button', { name: 'Have it reviewed' })).toBeNull();
  await fireEvent.click(changed.getByRole('button', { name: 'Stop: the review' }));
  expect(callsTo(host, 'cancelReview')).toEqual([['ffffffffffff']]);
});

test('a review shows its verdict, its findings with their places, and what it took', async () => {
  const finding = { title: '[P1] Off by one', text: 'It reads past the end.', place: 'src/a.rs:3-4' };
  await openChanged({ review: { ...REVIEW, summary: 'One bug.', findings: [finding], tokens: 12_345 } });
  const changed = await section();
  expect(changed.getByText('1 problem found')).toBeVisible();
  expect(changed.getByText('12.0 s · 12,345 tokens')).toBeVisible();
  expect(changed.getByText('One bug.')).toBeVisible();
  const item = within(changed.getByRole('list', { name: 'Problems found' })).getByRole('listitem');
  expect(item).toHaveTextContent('[P1] Off by one src/a.rs:3-4 It reads past the end.');
});

test.each<[string, Partial<Review>, string]>([
  ['found nothing', { summary: 'All good.' }, 'nothing found'],
  ['failed', { state: 'failed', summary: 'The usage limit is reached.' }, 'failed'],
  ['was stopped', { state: 'cancelled' }, 'stopped by you'],
])('a review that %s says so and can be started again', async (_, change, label) => {
  const host = await openChanged({ review: { ...REVIEW, ...change } });
  const changed = await section();
  expect(changed.getByText(label)).toBeVisible();
  if (change.summary) expect(changed.getByText(change.summary)).toBeVisible();
  await fireEvent.click(changed.getByRole('button', { name: 'Review again' }));
  expect(callsTo(host, 'reviewChanges')).toHaveLength(1);
});

test('files whose diff was too large say so, and so does the copy', async () => {
  const files = [...CHANGES.files, { ...CHANGES.files[0], path: 'big.txt' } as Changes['files'][0]];
  await openChanged({ changes: { ...CHANGES, files, count: 5, diffCut: true } });
  const changed = await section();
  expect(changed.getByText('Too large to show here.')).toBeVisible();
  expect(changed.getByText('And 3 more files.')).toBeVisible();
  expect(changed.getByText(/copied patch leaves out/)).toBeVisible();
});

test('questions, their answers and undos have icons in the steps', async () => {
  const step = (what: string, detail: string | null = null) => ({ atMs: 1, what, detail, bad: false });
  await openChanged({
    steps: [
      step('Arrived'),
      step('Codex asked you', 'git push'),
      step('Denied by you', 'git push, after 4 s'),
      step('Allowed by your rule'),
      step('Changes undone', '2 files'),
    ],
  });
  const steps = within(await screen.findByRole('list', { name: 'Steps' })).getAllByRole('listitem');
  expect(steps.map((one) => one.querySelector('svg') !== null)).toEqual([false, true, true, true, true]);
  const icons = new Set(steps.map((one) => one.querySelector('path')?.getAttribute('d')));
  expect(icons.size).toBe(5);
  expect(steps[2]).toHaveTextContent('Denied by you git push, after 4 s');
});

test('each file gets its part of the patch', () => {
  const [a] = changedFiles(CHANGES);
  expect(a).toMatchObject({ path: 'a.txt', diff: PATCH, omitted: false });
});

test('a notification opens the request, and asks about undo only if its button was pressed', async () => {
  const host = open('status', { history: 200 });
  await screen.findByRole('heading', { level: 1 });
  const changed = (await host.exchanges(toQuery(NO_FILTERS, 200, null))).find(
    (one) => one.filesChanged > 0 && one.key === 'Default',
  );
  host.emit('navigate', `requests/${changed?.id}`);
  expect(await screen.findByRole('region', { name: 'Changed files' })).toBeVisible();
  expect(screen.queryByRole('dialog')).toBeNull();
  host.emit('navigate', `requests/${changed?.id}/undo`);
  await dialog('Undo the changes to 4 files?');
});

test('a request behind filters is shown when a notification leads to it', async () => {
  const host = open('requests', { history: 200 });
  await fireEvent.click(await screen.findByRole('radio', { name: 'Failed' }));
  const changed = (await host.exchanges(toQuery(NO_FILTERS, 200, null))).find((one) => one.filesChanged > 0);
  host.emit('navigate', `requests/${changed?.id}`);
  expect(await screen.findByRole('region', { name: 'Changed files' })).toBeVisible();
});

test('settings and status say whether changes can be undone, and what is not covered', async () => {
  const host = await openSettings('Codex');
  expect(screen.queryByText(/can be undone\./)).toBeNull();
  await host.setSetting('sandbox', 'workspace-write');
  host.emit('overview', { ...(await host.overview()), startsAtLogin: false });
  expect(await screen.findByText(/can be undone\. Files that \.gitignore lists can't be restored\./)).toBeVisible();
  await fireEvent.click(screen.getByRole('button', { name: 'Status' }));
  expect(await screen.findByText(/can be undone\. Files that/)).toBeVisible();
});

test('without git it says that changes cannot be undone', async () => {
  const host = await openSettings('Codex', { scenario: 'no-git' });
  await host.setSetting('sandbox', 'workspace-write');
  host.emit('overview', { ...(await host.overview()), startsAtLogin: false });
  expect(await screen.findByText(/can't be undone\. git isn't installed/)).toBeVisible();
});
