import { fireEvent, screen, within } from '@testing-library/svelte';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { approvalsFor, healthOf, type Asks } from '../src/lib/fake/approvals';
import { approvalSummary, formatLeft } from '../src/lib/approval-text';
import type { FakeHost } from '../src/lib/host-fake';
import { INERT_MS } from '../src/lib/inert-at-first.svelte';
import type { View } from '../src/lib/host';
import { callsTo, open } from './helpers';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const wait = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const button = (name: string | RegExp) => screen.getByRole('button', { name });
const press = (name: string | RegExp) => fireEvent.click(button(name));
const panel = () => screen.queryByRole('alertdialog');
const shown = (title: string) => screen.getByRole('alertdialog', { name: title });
const messages = () => screen.getByRole('region', { name: 'Messages' });
const answers = (host: FakeHost) => callsTo(host, 'answerApproval');

/** Opens the window while Codex asks this, and waits until it can be answered. */
async function asked(asks: Asks, view: View = 'status'): Promise<FakeHost> {
  const host = open(view, { asks });
  await wait(INERT_MS);
  return host;
}

/** Codex asks this from now on. */
async function ask(host: FakeHost, asks: Asks | undefined): Promise<void> {
  const approvals = approvalsFor(asks, Date.now());
  host.emit('overview', { ...(await host.overview()), approvals, health: healthOf(approvals) });
  await wait(0);
}

test('the card says what, where, why, who, and how long', async () => {
  await asked('command');
  const card = shown('Codex asks to run a command');
  expect(within(card).getByRole('group', { name: 'The command' })).toHaveTextContent(
    /^\/bin\/bash -lc 'touch here\.txt'$/,
  );
  expect(card).toHaveTextContent('Runs outside the sandbox with your rights');
  expect(card).toHaveTextContent('Where /home/me/projects/site');
  expect(card).toHaveTextContent("May I create a file that marks the build as done? Codex's words");
  expect(card).toHaveTextContent('Who Open WebUI · key Default · codex-local');
  expect(card).toHaveTextContent('Waiting for 13 s · denied by itself in 4 min 48 s');
  await wait(60_000);
  expect(card).toHaveTextContent('denied by itself in 3 min 48 s');
  expect(card).toHaveAccessibleDescription('Requested by Open WebUI, key Default.');
});

test.each([
  ['Deny', 'deny'],
  ['Deny and stop', 'denyAndStop'],
  ['Allow once', 'allowOnce'],
  ['Allow from now on', 'allowFromNowOn'],
])('%s answers, and closes the panel', async (name, answer) => {
  const host = await asked('command');
  await press(name);
  expect(answers(host)).toEqual([['a1', { answer }]]);
  await wait(0);
  expect(panel()).toBeNull();
  expect(screen.queryByRole('button', { name: /Approvals/ })).toBeNull();
});

test('the buttons are inert for the first half second', async () => {
  const host = open('status', { asks: 'command' });
  await wait(INERT_MS - 1);
  expect(button('Allow once')).toHaveAttribute('aria-disabled', 'true');
  await press('Allow once');
  await press('Deny');
  expect(answers(host)).toEqual([]);
  await wait(1);
  expect(button('Allow once')).toHaveAttribute('aria-disabled', 'false');
  await press('Allow once');
  expect(answers(host)).toHaveLength(1);
});

test('keys typed for something else make the buttons wait longer', async () => {
  const host = open('status', { asks: 'command' });
  for (let typed = 0; typed < 5; typed++) {
    await wait(INERT_MS - 100);
    await fireEvent.keyDown(button('Deny'), { key: 'e' });
  }
  await press('Deny');
  expect(answers(host)).toEqual([]);
  await wait(INERT_MS);
  await press('Deny');
  expect(answers(host)).toHaveLength(1);
});

test('the next card is inert again, and its Deny has the focus', async () => {
  const host = await asked('several');
  expect(button('Deny')).toHaveFocus();
  await press('Allow once');
  await wait(0);
  shown('Codex asks to change 3 files');
  expect(button('Deny')).toHaveFocus();
  await press('Allow once');
  expect(answers(host)).toHaveLength(1);
  await wait(INERT_MS);
  await press('Allow once');
  expect(answers(host).map(([id]) => id)).toEqual(['a1', 'a2']);
});

test('a window that gets the focus makes the buttons inert again', async () => {
  const host = await asked('command');
  await fireEvent.focus(window);
  await press('Allow once');
  expect(answers(host)).toEqual([]);
  await wait(INERT_MS);
  await press('Allow once');
  expect(answers(host)).toHaveLength(1);
});

test('a form without fields is allowed or denied', async () => {
  const host = await asked('tool');
  expect(shown('tracker asks for permission')).toHaveTextContent('"ticket": 4711');
  expect(screen.queryByRole('button', { name: 'Send' })).toBeNull();
  expect(button('Deny')).toHaveFocus();
  await press('Allow once');
  expect(answers(host)).toEqual([['a1', { answer: 'allowOnce' }]]);
});

test('Enter in a form answers nothing', async () => {
  const host = await asked('form');
  const title = screen.getByLabelText('Title');
  await fireEvent.keyDown(title, { key: 'Enter' });
  expect(title.closest('form')).toBeNull();
  expect(answers(host)).toEqual([]);
});

test('Escape puts the panel aside, and the question goes on waiting', async () => {
  const host = await asked('command', 'keys');
  await fireEvent.keyDown(button('Deny'), { key: 'Escape' });
  expect(panel()).toBeNull();
  expect(answers(host)).toEqual([]);
  await press(/^Approvals ?1 ?waiting for you/);
  shown('Codex asks to run a command');
  await press('Decide later');
  await press('Review…');
  shown('Codex asks to run a command');
});

test('the tray or a notification opens the panel again', async () => {
  const host = await asked('command');
  await press('Decide later');
  host.emit('navigate', 'approvals');
  await wait(0);
  shown('Codex asks to run a command');
  expect(screen.getByRole('heading', { level: 1 })).toHaveTextContent('Codex asks to run a command');
});

test('the command menu opens the panel again', async () => {
  await asked('command');
  await press('Decide later');
  await fireEvent.keyDown(window, { key: 'k', ctrlKey: true });
  await wait(0);
  await fireEvent.click(screen.getByText('Review what Codex asks'));
  await wait(0);
  shown('Codex asks to run a command');
});

test('what is typed in a view stays there, and gets the focus back', async () => {
  const host = open('playground');
  await wait(0);
  const prompt = screen.getByPlaceholderText<HTMLTextAreaElement>('Write a prompt');
  prompt.focus();
  await fireEvent.input(prompt, { target: { value: 'half a thou' } });
  await ask(host, 'command');
  expect(button('Deny')).toHaveFocus();
  await press('Decide later');
  expect(prompt).toHaveValue('half a thou');
  expect(prompt).toHaveFocus();
});

test('only a command that can be remembered can be allowed from now on, and the card says what that means', async () => {
  await asked('command');
  expect(button('Allow from now on')).toHaveAccessibleDescription(
    /remembers exactly this command, in this folder, for the key Default/,
  );
  await press('Decide later');
  await asked('hidden');
  expect(screen.queryByRole('button', { name: 'Allow from now on' })).toBeNull();
});

test('a long command is there in whole, and scrolls', async () => {
  await asked('long');
  const text = screen.getByRole('group', { name: 'The command' });
  const [question] = approvalsFor('long', 0).map((approval) => approval.question);
  const lines = [...text.children].map((line) => line.textContent);
  expect(question).toMatchObject({ kind: 'command', command: lines.join('\n') });
  expect(text).toHaveAttribute('tabindex', '0');
  expect(panel()).toHaveTextContent('18 lines, 772 characters. Scroll to see all of it.');
});

test('characters that cannot be seen are marked', async () => {
  await asked('hidden');
  const marks = [...(panel()?.querySelectorAll('mark') ?? [])].map((mark) => mark.textContent);
  expect(marks).toEqual(['\\u{202e}', '\\u{200b}', '\\u{200b}']);
  expect(panel()).toHaveTextContent("Contains characters that can't be seen.");
});

test('a command in the sandbox does not claim to leave it', async () => {
  await asked('sandboxed');
  expect(panel()).toHaveTextContent('Runs in the sandbox Use the network: registry.example');
  expect(panel()).not.toHaveTextContent('outside');
});

test('changes of files show each diff', async () => {
  const host = await asked('files');
  const card = shown('Codex asks to change 3 files');
  expect(
    within(card).getByRole('group', { name: 'Changes of /home/me/projects/site/src/server.ts' }),
  ).toHaveTextContent('−  app.use(cors());', { normalizeWhitespace: false });
  expect(card).toHaveTextContent('old-config.json deleted');
  await press('Deny');
  expect(answers(host)).toEqual([['a1', { answer: 'deny' }]]);
});

test('all of a large change is shown', async () => {
  const host = open('status');
  await wait(0);
  const text = Array.from({ length: 700 }, (_, line) => `line ${line} ${'x'.repeat(line === 699 ? 3000 : 0)}end`);
  const [approval] = approvalsFor('files', Date.now());
  const question = {
    kind: 'fileChange' as const,
    files: [{ path: 'large.txt', what: 'added' as const, diff: text.join('\n') }],
    folderGranted: '/home/me',
  };
  const approvals = approval === undefined ? [] : [{ ...approval, question }];
  host.emit('overview', { ...(await host.overview()), approvals });
  await wait(0);
  const shownLines = [...(panel()?.querySelectorAll('.line .text') ?? [])].map((line) => line.textContent);
  expect(shownLines).toEqual(text);
  expect(panel()).toHaveTextContent('Codex may then change everything in /home/me');
});

test('permissions are listed', async () => {
  const host = await asked('permissions');
  const card = shown('Codex asks for permissions');
  const wants = within(card).getAllByRole('listitem');
  expect(wants.map((want) => want.textContent)).toEqual(['Write in /home/me/projects/shared', 'Use the network']);
  await press('Allow once');
  expect(answers(host)).toEqual([['a1', { answer: 'allowOnce' }]]);
});

test('of several, the oldest comes first and any can be picked', async () => {
  const host = await asked('several');
  const list = within(screen.getByRole('navigation', { name: 'Waiting' }));
  const entries = list.getAllByRole('button');
  expect(entries.map((entry) => entry.firstElementChild?.textContent)).toEqual([
    'touch here.txt',
    'server.ts, options.ts, old-config.json',
    'npm install --save-dev vitest',
    expect.stringContaining('Which database'),
  ]);
  expect(entries[0]).toHaveAttribute('aria-current', 'true');
  await fireEvent.click(entries[2] as HTMLElement);
  expect(screen.getByRole('group', { name: 'The command' })).toHaveTextContent('npm install');
  await press('Deny');
  expect(answers(host)).toEqual([]);
  await wait(INERT_MS);
  await press('Deny');
  await wait(0);
  expect(answers(host)).toEqual([['a3', { answer: 'deny' }]]);
  expect(list.getAllByRole('button')).toHaveLength(3);
  expect(screen.getByRole('group', { name: 'The command' })).toHaveTextContent('touch here.txt');
});

test('a further question leaves the card in view where it is, and is announced', async () => {
  const host = await asked('command');
  await ask(host, 'several');
  expect(screen.getByRole('group', { name: 'The command' })).toHaveTextContent('touch here.txt');
  expect(screen.getByRole('navigation', { name: 'Waiting' })).toBeInTheDocument();
  expect(panel()).toHaveTextContent('Codex asks something else, too.');
  await press('Allow once');
  expect(answers(host)).toHaveLength(1);
});

test('a question that is denied by itself says so', async () => {
  const host = await asked('expiring');
  await wait(11_500);
  await ask(host, undefined);
  expect(panel()).toBeNull();
  expect(messages()).toHaveTextContent('No answer in time, so Codex was denied.');
});

test('a question whose request has ended says so', async () => {
  const host = await asked('command');
  await ask(host, undefined);
  expect(panel()).toBeNull();
  expect(messages()).toHaveTextContent('Codex asks no longer: its request has ended.');
});

test('an answer that fails leaves the card, with the error', async () => {
  const host = await asked('command');
  host.failNext('answerApproval', { message: 'Not now.', fields: [] });
  await press('Allow once');
  await wait(INERT_MS);
  shown('Codex asks to run a command');
  expect(screen.getByText('Not now.')).toBeInTheDocument();
  await press('Allow once');
  await wait(0);
  expect(answers(host)).toHaveLength(2);
});

test('questions take an option, another answer and a secret', async () => {
  const host = await asked('questions');
  const password = screen.getByLabelText('What is the password of the user “site”?');
  expect(password).toHaveAttribute('type', 'password');
  await press('Send');
  await wait(0);
  expect(screen.getByText('Choose an answer.')).toBeInTheDocument();
  expect(screen.getByText('Enter an answer.')).toBeInTheDocument();
  expect(screen.getByLabelText(/PostgreSQL/)).toHaveFocus();
  expect(answers(host)).toEqual([]);
  await fireEvent.click(screen.getByLabelText(/SQLite/));
  await fireEvent.click(screen.getByLabelText('Other'));
  await fireEvent.input(screen.getByLabelText(/^Other: Which database/), { target: { value: 'MariaDB' } });
  await fireEvent.input(password, { target: { value: 's3cret' } });
  await press('Send');
  const values = { database: ['MariaDB'], password: ['s3cret'] };
  expect(answers(host)).toEqual([['a1', { answer: 'values', values }]]);
});

test('what is filled in stays while the panel is folded or another card is picked', async () => {
  await asked('questions');
  await fireEvent.click(screen.getByLabelText(/SQLite/));
  await press('Decide later');
  await press(/^Approvals/);
  expect(screen.getByLabelText(/SQLite/)).toBeChecked();
  expect(screen.getByLabelText('Other')).not.toBeChecked();
});

test('a declined question is denied', async () => {
  const host = await asked('questions');
  expect(button('Decline')).toHaveFocus();
  await press('Decline');
  expect(answers(host)).toEqual([['a1', { answer: 'deny' }]]);
});

test('a form begins with its defaults, and is checked by the kind of each field', async () => {
  const host = await asked('form');
  expect(screen.getByLabelText('Title')).toHaveValue('Requests are not limited');
  expect(screen.getByLabelText('security')).toBeChecked();
  expect(screen.getByLabelText('Notify the team')).toBeChecked();
  await fireEvent.input(screen.getByLabelText(/^Hours/), { target: { value: 'many' } });
  await press('Send');
  await wait(0);
  expect(screen.getByLabelText('Priority')).toHaveFocus();
  expect(screen.getByLabelText('Priority')).toHaveAccessibleDescription('Choose one.');
  expect(screen.getByLabelText(/^Hours/)).toHaveAccessibleDescription(/Enter a number, such as 2\.5\./);
  expect(answers(host)).toEqual([]);
  await fireEvent.change(screen.getByLabelText('Priority'), { target: { value: 'high' } });
  await fireEvent.input(screen.getByLabelText(/^Hours/), { target: { value: '1.5' } });
  await fireEvent.click(screen.getByLabelText('bug'));
  await fireEvent.click(screen.getByLabelText('security'));
  await fireEvent.click(screen.getByLabelText('Notify the team'));
  await press('Send');
  const values = {
    title: ['Requests are not limited'],
    priority: ['high'],
    hours: ['1.5'],
    labels: ['bug'],
    notify: ['false'],
  };
  expect(answers(host)).toEqual([['a1', { answer: 'values', values }]]);
});

test('a link is shown in whole and opened by a click only, then Done', async () => {
  const host = await asked('link');
  const card = shown('tracker asks to open a link');
  const [question] = approvalsFor('link', 0).map((approval) => approval.question);
  const url = question?.kind === 'url' ? question.url : '';
  expect(within(card).getByRole('group', { name: 'Address' }).textContent?.trim()).toBe(url);
  expect(card).toHaveTextContent('Opens auth.tracker.example in your browser.');
  expect(screen.queryByRole('button', { name: 'Done' })).toBeNull();
  expect(callsTo(host, 'openLink')).toEqual([]);
  await press('Open in browser');
  await wait(0);
  expect(callsTo(host, 'openLink')).toEqual([[url]]);
  expect(answers(host)).toEqual([]);
  await press('Done');
  expect(answers(host)).toEqual([['a1', { answer: 'allowOnce' }]]);
});

test('the time left is rounded up, so that it ends with 0', () => {
  expect([0, 1, 59_000, 60_000, 65_001, -5].map(formatLeft)).toEqual([
    '0 s',
    '1 s',
    '59 s',
    '1 min 00 s',
    '1 min 06 s',
    '0 s',
  ]);
});

test('in the list, the shell around a command is left out', () => {
  const [approval] = approvalsFor('command', 0);
  const summary = (command: string) =>
    approval &&
    approvalSummary({ ...approval, question: { kind: 'command', command, outsideSandbox: true, also: [] } });
  expect(summary("/bin/bash -lc 'touch here.txt'")).toBe('touch here.txt');
  expect(summary("bash -c 'x' && y")).toBe("bash -c 'x' && y");
});
