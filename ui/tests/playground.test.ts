import { fireEvent, screen, waitFor, within } from '@testing-library/svelte';
import { expect, test, vi } from 'vitest';
import type { ChatRequest } from '../src/bindings/ChatRequest';
import type { PlaygroundEvent } from '../src/bindings/PlaygroundEvent';
import { estimateTokens, parse, serialize, type Conversation } from '../src/lib/conversations';
import type { FakeHost } from '../src/lib/host-fake';
import { announcement, button, callsTo, open, press, type } from './helpers';

const request = (host: FakeHost, index = 0) => callsTo(host, 'sendPrompt')[index]?.[0] as ChatRequest;

async function send(prompt: string) {
  await type('Prompt', prompt);
  await press('Send');
}

/** Lets the test send the events of each prompt. */
function byHand(host: FakeHost): ((event: PlaygroundEvent) => void)[] {
  const prompts: ((event: PlaygroundEvent) => void)[] = [];
  host.sendPrompt = (_, onEvent) => {
    prompts.push(onEvent);
    return new Promise(() => {});
  };
  return prompts;
}

test('a prompt streams its answer, with the time to the first token and exact token counts at the end', async () => {
  const host = open('playground');
  await send('Hi');
  await screen.findByText('Hello there, nice meeting you.');
  expect(screen.getByText('first token 0.38 s')).toBeVisible();
  expect(screen.getByText('0.91 s total · codex-local')).toBeVisible();
  expect(screen.getByText('21 input · 9 output tokens')).toBeVisible();
  expect(request(host)).toEqual({ model: 'codex-local', messages: [{ role: 'user', content: 'Hi' }] });
  expect(announcement()).toBe('Answer: Hello there, nice meeting you.');
});

test('token counts are estimates, marked as such, while the answer streams', async () => {
  const host = open('playground');
  const prompts = byHand(host);
  await send('Hi');
  await screen.findByText('Waiting for first token…');
  prompts[0]?.({ kind: 'text', text: 'twelve chars', firstMs: 100 });
  await screen.findByText('~3 output tokens');
  prompts[0]?.({ kind: 'done', firstMs: 100, totalMs: 200, model: 'm', usage: { input: 8, output: 5, reasoning: 0 } });
  await screen.findByText('8 input · 5 output tokens');
  expect(screen.queryByText(/~/)).toBeNull();
  expect(estimateTokens('')).toBe(0);
});

test('the next prompt is sent with the system prompt and the conversation so far', async () => {
  const host = open('playground');
  await type('System prompt', 'Be brief.');
  await fireEvent.change(await screen.findByLabelText('Model'), { target: { value: 'gpt-5.5' } });
  await send('One');
  await screen.findByText('Hello there, nice meeting you.');
  await send('Two');
  await waitFor(() => expect(callsTo(host, 'sendPrompt')).toHaveLength(2));
  expect(request(host, 1)).toEqual({
    model: 'gpt-5.5',
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'One' },
      { role: 'assistant', content: 'Hello there, nice meeting you.' },
      { role: 'user', content: 'Two' },
    ],
  });
});

test("the models are codex-local, Codex's own and the aliases", async () => {
  open('playground');
  const models = await screen.findByLabelText('Model');
  await waitFor(() => expect(within(models).getAllByRole('option').length).toBeGreaterThan(1));
  expect(
    within(models)
      .getAllByRole('option')
      .map((option) => option.textContent),
  ).toEqual(['codex-local', 'gpt-6.1-sol', 'gpt-6-luna', 'gpt-5.5']);
});

test('Enter sends and Shift+Enter does not', async () => {
  const host = open('playground');
  const prompt = await type('Prompt', 'Hi');
  await fireEvent.keyDown(prompt, { key: 'Enter', shiftKey: true });
  await fireEvent.keyDown(prompt, { key: 'Enter', isComposing: true });
  expect(callsTo(host, 'sendPrompt')).toHaveLength(0);
  await fireEvent.keyDown(prompt, { key: 'Enter' });
  expect(callsTo(host, 'sendPrompt')).toHaveLength(1);
  expect(prompt).toHaveValue('');
});

test('an answer can be stopped and asked for again', async () => {
  const host = open('playground');
  const prompts = byHand(host);
  await send('Hi');
  prompts[0]?.({ kind: 'text', text: 'Half', firstMs: 100 });
  await press('Stop');
  await screen.findByText('Half');
  expect(screen.getByText('Stopped.', { selector: '.facts *' })).toBeVisible();
  expect(callsTo(host, 'stopPrompt')).toHaveLength(1);
  // What still arrives belongs to nothing.
  prompts[0]?.({ kind: 'done', firstMs: 100, totalMs: 200, model: 'm', usage: null });
  expect(screen.getByText('Stopped.', { selector: '.facts *' })).toBeVisible();
  await press('Try again');
  await waitFor(() => expect(prompts).toHaveLength(2));
  expect(screen.queryByText(/Half/)).toBeNull();
});

test('reasoning is folded above the answer', async () => {
  open('playground');
  await send('why?');
  await screen.findByText('Hello there, nice meeting you.');
  const reasoning = screen.getByText('Reasoning').closest('details');
  expect(reasoning).not.toHaveAttribute('open');
  expect(reasoning).toHaveTextContent('The user wants a short explanation.');
});

test('the answer is Markdown: code can be copied, a link opens outside, and a picture is not loaded', async () => {
  const host = open('playground');
  await send('explain');
  await screen.findByRole('heading', { name: 'Reverse proxies' });
  await press('Copy: code');
  expect(callsTo(host, 'copyText')).toEqual([
    ['def ask(url: str) -> str:\n    return fetch(f"http://127.0.0.1:8000{url}").text\n'],
  ]);
  const link = screen.getByRole('link', { name: 'the article' });
  expect(await fireEvent.click(link), 'the window stays where it is').toBe(false);
  expect(callsTo(host, 'openLink')).toEqual([['https://en.wikipedia.org/wiki/Reverse_proxy']]);
  expect(document.querySelector('img')).toBeNull();
  expect(screen.getByText(/tracking pixel \(https:\/\/evil\.test\/pixel\.png\)/)).toBeVisible();
});

test('a copied answer is its Markdown, and the conversation is copied as code', async () => {
  const host = open('playground');
  await send('Hi');
  await press('Copy: answer');
  expect(callsTo(host, 'copyText')).toEqual([['Hello there, nice meeting you.']]);
  for (const [label, language] of [
    ['curl', 'curl'],
    ['Python', 'python'],
    ['Node', 'node'],
  ] as const) {
    await press(`${label}: conversation as code`);
    expect(callsTo(host, 'copyConversation').at(-1)).toEqual([
      language,
      { model: 'codex-local', messages: [{ role: 'user', content: 'Hi' }] },
    ]);
  }
});

test.each([
  ['stopped', 'Start the proxy to send a prompt.'],
  ['codex-missing', "Codex isn't installed"],
  ['not-signed-in', 'Not signed in to Codex'],
  ['limit-reached', 'Usage limit reached'],
] as const)('in the scenario %s nothing can be sent, and the reason is shown', async (scenario, reason) => {
  const host = open('playground', { scenario });
  await waitFor(async () => expect(await screen.findByLabelText('Prompt')).toHaveAccessibleDescription(reason));
  const prompt = await type('Prompt', 'Hi');
  expect(await button('Send')).toBeDisabled();
  await fireEvent.keyDown(prompt, { key: 'Enter' });
  expect(callsTo(host, 'sendPrompt')).toHaveLength(0);
  expect(prompt).toHaveValue('Hi');
});

test('an error goes when the state changes, and its prompt can be sent again', async () => {
  const host = open('playground');
  await button('Send');
  host.failNext('sendPrompt', { message: "Codex isn't signed in.", fields: [] });
  await send('Hi');
  await screen.findByText("Codex isn't signed in.");
  await host.stopProxy();
  await waitFor(() => expect(screen.queryByText("Codex isn't signed in.")).toBeNull());
  expect(screen.getByLabelText('Prompt')).toHaveValue('Hi');
});

test('the conversation and a running answer survive a visit to another view', async () => {
  const host = open('playground');
  const prompts = byHand(host);
  await send('Hi');
  await press('Status');
  prompts[0]?.({ kind: 'text', text: 'Meanwhile', firstMs: 100 });
  await press('Playground');
  await screen.findByText('Meanwhile');
  expect(callsTo(host, 'stopPrompt')).toHaveLength(0);
});

test('the last ten conversations can be opened again', async () => {
  open('playground');
  for (let number = 1; number <= 12; number += 1) {
    await send(`Prompt ${number}`);
    await screen.findByText(/total/);
    await press('New conversation');
  }
  const options = within(screen.getByLabelText('Conversation', { selector: 'select' })).getAllByRole('option');
  expect(options.map((option) => option.textContent)).toEqual([
    'New conversation',
    ...Array.from({ length: 9 }, (_, index) => `Prompt ${12 - index}`),
  ]);
  await fireEvent.change(screen.getByLabelText('Conversation', { selector: 'select' }), {
    target: { value: (options[3] as HTMLOptionElement).value },
  });
  await screen.findByText('Prompt 10', { selector: '.prompt' });
});

test('a window opened later shows the conversations of the one before', async () => {
  const host = open('playground');
  await send('Remember me');
  await screen.findByText(/total/);
  const kept = callsTo(host, 'keepConversations').at(-1)?.[0] as string;
  const [conversation] = parse(kept);
  expect(conversation?.turns[0]).toMatchObject({ prompt: 'Remember me', answer: 'Hello there, nice meeting you.' });
  // An answer that was under way when the window closed has stopped.
  conversation!.turns[0]!.state = 'answering';
  expect(parse(JSON.stringify([conversation]))[0]?.turns[0]?.state).toBe('stopped');
});

test('the oldest conversations go when all together become too long', () => {
  const long = (id: number): Conversation => ({
    id,
    model: 'm',
    system: 'x'.repeat(900_000),
    turns: [
      {
        prompt: '',
        answer: '',
        reasoning: '',
        state: 'done',
        error: null,
        firstMs: 0,
        totalMs: 0,
        model: '',
        usage: null,
      },
    ],
  });
  expect(parse(serialize([long(3), long(2), long(1)])).map((one) => one.id)).toEqual([3, 2]);
});

test('the view follows the answer unless the user has scrolled up', async () => {
  const host = open('playground');
  const prompts = byHand(host);
  await send('Hi');
  const log = screen.getByRole('region', { name: 'Conversation' });
  const scrolled = vi.spyOn(log, 'scrollTo');
  Object.defineProperties(log, { scrollHeight: { value: 1000 }, clientHeight: { value: 300 } });
  prompts[0]?.({ kind: 'text', text: 'one', firstMs: 1 });
  await waitFor(() => expect(scrolled).toHaveBeenCalledWith(0, 1000));
  log.scrollTop = 100;
  await fireEvent.scroll(log);
  scrolled.mockClear();
  prompts[0]?.({ kind: 'text', text: ' two', firstMs: 1 });
  await screen.findByText('one two');
  expect(scrolled).not.toHaveBeenCalled();
});
