import { cleanup, fireEvent, screen } from '@testing-library/svelte';
import { expect, test } from 'vitest';
import { VIEWS } from '../src/lib/host';
import { ASKS, type Asks } from '../src/lib/fake/approvals';
import { SCENARIOS } from '../src/lib/fake/scenario';
import { choose, open, press } from './helpers';

const settle = () => new Promise((done) => setTimeout(done, 30));

/** A simplified accessible name: the full algorithm takes jsdom seconds per page. */
function isNamed(element: Element): boolean {
  const byId = (element.getAttribute('aria-labelledby') ?? '')
    .split(' ')
    .map((id) => document.getElementById(id)?.textContent ?? '');
  const labels = [...((element as HTMLInputElement).labels ?? [])].map((label) => label.textContent);
  const own = element.matches('button, a') ? element.textContent : '';
  return [element.getAttribute('aria-label') ?? '', own, ...byId, ...labels].join('').trim() !== '';
}

function elementsWithoutName(): string[] {
  const all = document.querySelectorAll(
    'button, input, select, textarea, a, dialog, nav, section, [role=grid], [role=tablist], [role=tabpanel], [role=switch], [role=img], [role=region]',
  );
  return [...all].filter((element) => !isNamed(element)).map((element) => element.outerHTML.slice(0, 120));
}

/** Names that do not start with what can be seen, so that speech control does not find them (WCAG 2.5.3). */
function namesUnlikeTheirLabel(): string[] {
  return [...document.querySelectorAll('button[aria-label], a[aria-label]')].flatMap((element) => {
    const copy = element.cloneNode(true) as Element;
    copy.querySelectorAll('svg, .sr-only, .invisible, [aria-hidden=true]').forEach((hidden) => hidden.remove());
    const visible = copy.textContent.replace(/\s+/g, ' ').trim();
    const name = element.getAttribute('aria-label') ?? '';
    return name.startsWith(visible) ? [] : [`${name} / ${visible}`];
  });
}

function duplicateIds(): string[] {
  const ids = [...document.querySelectorAll('[id]')].map((element) => element.id);
  return ids.filter((id, index) => ids.indexOf(id) !== index);
}

function brokenReferences(): string[] {
  const named = ['aria-labelledby', 'aria-describedby', 'aria-controls', 'aria-activedescendant', 'for'];
  return named.flatMap((attribute) =>
    [...document.querySelectorAll(`[${attribute}]`)].flatMap((element) =>
      (element.getAttribute(attribute) ?? '')
        .split(' ')
        .filter((id) => id !== '' && document.getElementById(id) === null)
        .map((id) => `${attribute}=${id}`),
    ),
  );
}

test.each(VIEWS)(
  'in the view %s every control has a name, and there is one h1 and at most one primary button',
  async (view) => {
    for (const scenario of SCENARIOS) {
      open(view, { scenario });
      await settle();
      expect(elementsWithoutName(), scenario).toEqual([]);
      expect(namesUnlikeTheirLabel(), scenario).toEqual([]);
      expect(duplicateIds(), scenario).toEqual([]);
      expect(document.querySelectorAll('h1'), scenario).toHaveLength(1);
      expect(document.querySelectorAll('.button.primary').length, scenario).toBeLessThanOrEqual(1);
      cleanup();
    }
  },
);

test.each(VIEWS)('in the view %s every ARIA reference points to an existing element', async (view) => {
  open(view);
  await settle();
  expect(brokenReferences()).toEqual([]);
});

test('every control in a dialog has a name', async () => {
  open('keys');
  const check = () => expect([...elementsWithoutName(), ...namesUnlikeTheirLabel(), ...brokenReferences()]).toEqual([]);
  await press('New key');
  check();
  await press('Limit this key…');
  check();
  await press('Limit web search, MCP servers, asking and chats…');
  await press('Limit models, time and amount…');
  check();
  await press('Cancel');
  for (const item of ['Rename…', 'Limits…', 'Revoke…']) {
    await choose('More: key Default', item);
    check();
    await press('Cancel');
  }
});

test('every control in the request detail has a name', async () => {
  open('requests');
  await settle();
  await fireEvent.click(screen.getAllByRole('row')[1] as HTMLElement);
  await settle();
  expect(elementsWithoutName()).toEqual([]);
  expect(brokenReferences()).toEqual([]);
});

test.each(Object.keys(ASKS) as Asks[])(
  'in the approval %s every control has a name, and there is at most one primary button',
  async (asks) => {
    open('keys', { asks });
    await settle();
    expect(elementsWithoutName()).toEqual([]);
    expect(namesUnlikeTheirLabel()).toEqual([]);
    expect(duplicateIds()).toEqual([]);
    expect(brokenReferences()).toEqual([]);
    expect(document.querySelectorAll('dialog .button.primary').length).toBeLessThanOrEqual(1);
  },
);

test('every control of an answer’s changes has a name that starts with its label', async () => {
  open('requests');
  const find = async () => (await screen.findAllByText(/^4 files/))[0];
  await settle();
  await fireEvent.click((await find()) as HTMLElement);
  const check = () => expect([...elementsWithoutName(), ...namesUnlikeTheirLabel(), ...brokenReferences()]).toEqual([]);
  await screen.findByRole('region', { name: 'Changed files' });
  check();
  await press('Undo…');
  check();
  await press('Undo changes');
  await press('Redo changes…');
  check();
  await press('Redo changes');
  await press('Have it reviewed');
  await screen.findByText('2 problems found');
  check();
});
