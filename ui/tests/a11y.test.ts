import { cleanup, fireEvent, screen } from '@testing-library/svelte';
import { expect, test } from 'vitest';
import { VIEWS } from '../src/lib/host';
import { SCENARIOS } from '../src/lib/fake/scenario';
import { open, press } from './helpers';

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
  await press('New key');
  expect(elementsWithoutName()).toEqual([]);
  await press('Cancel');
  await press('Revoke: key Default');
  expect(elementsWithoutName()).toEqual([]);
});

test('every control in the request detail has a name', async () => {
  open('requests');
  await settle();
  await fireEvent.click(screen.getAllByRole('row')[1] as HTMLElement);
  await settle();
  expect(elementsWithoutName()).toEqual([]);
  expect(brokenReferences()).toEqual([]);
});
