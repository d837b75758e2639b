/** Renders the whole window on a fake host, and finds things in it as a user would. */

import { fireEvent, render, screen, within } from '@testing-library/svelte';
import App from '../src/App.svelte';
import type { ExchangeRow } from '../src/bindings/ExchangeRow';
import { fakeHost, type FakeHost, type FakeOptions } from '../src/lib/host-fake';
import type { Host, View } from '../src/lib/host';

export function open(view: View, options: FakeOptions = {}): FakeHost {
  const host = fakeHost(options);
  render(App, { host, view });
  return host;
}

/** Opens a page of the settings. */
export async function openSettings(page: string, options: FakeOptions = {}): Promise<FakeHost> {
  const host = open('settings', options);
  await fireEvent.click(await screen.findByRole('tab', { name: page }));
  return host;
}

export const button = (name: string | RegExp) => screen.findByRole('button', { name });

export async function press(name: string | RegExp): Promise<void> {
  await fireEvent.click(await button(name));
}

export async function type(label: string | RegExp, text: string): Promise<HTMLInputElement> {
  const input = (await screen.findByLabelText(label)) as HTMLInputElement;
  await fireEvent.input(input, { target: { value: text } });
  return input;
}

/** Types into a field and presses Enter. */
export async function enter(label: string | RegExp, text: string): Promise<HTMLInputElement> {
  const input = await type(label, text);
  await fireEvent.keyDown(input, { key: 'Enter' });
  return input;
}

export async function dialog(name: string | RegExp) {
  return within(await screen.findByRole('dialog', { name }));
}

/** Chooses an item of a menu. */
export async function choose(menu: string, item: string): Promise<void> {
  await press(menu);
  await fireEvent.click(await screen.findByRole('menuitem', { name: item }));
}

/** The arguments of every call with this name. */
export function callsTo(host: FakeHost, name: keyof Host): unknown[][] {
  return host.calls.filter((call) => call.name === name).map((call) => call.args);
}

/** The text of the polite live region. */
export function announcement(): string {
  return document.querySelector('[aria-live=polite]')?.textContent?.trim() ?? '';
}

export function row(change: Partial<ExchangeRow> & { id: string }): ExchangeRow {
  return {
    requestId: `req_${change.id}`,
    at: Date.now(),
    key: 'Default',
    client: 'curl/8.14.1',
    app: 'curl',
    route: '/v1/chat/completions',
    model: 'codex-local',
    state: 'done',
    status: 200,
    waitMs: 0,
    firstMs: 400,
    ownMs: 1,
    totalMs: 1200,
    input: 100,
    cached: 0,
    output: 20,
    reasoning: 0,
    commands: 0,
    filesChanged: 0,
    background: false,
    code: null,
    error: null,
    ...change,
  };
}
