import { fireEvent, render, screen } from '@testing-library/svelte';
import { expect, test, vi } from 'vitest';
import Menu, { type MenuItem } from '../src/controls/Menu.svelte';

const menu = () => screen.queryByRole('menu', { name: 'More: key Phone' });
const opener = () => screen.getByRole('button', { name: 'More: key Phone' });
const key = (name: string) => fireEvent.keyDown(document.activeElement as Element, { key: name });

function open() {
  const run = vi.fn<(label: string) => void>();
  const item = (label: string, more = {}) => ({ label, run: () => run(label), ...more });
  const items: MenuItem[] = [
    item('Copy'),
    item('Rename'),
    item('Limits…', { disabled: true }),
    'separator',
    item('Revoke', { danger: true }),
  ];
  const component = render(Menu, { label: 'More: key Phone', items }).component;
  return { run, component };
}

test('the keyboard opens a menu, moves in it, and runs an item', async () => {
  const { run } = open();
  opener().focus();
  await key('ArrowDown');
  expect(screen.getByRole('menuitem', { name: 'Copy' })).toHaveFocus();
  await key('ArrowDown');
  expect(screen.getByRole('menuitem', { name: 'Rename' })).toHaveFocus();
  await key('ArrowDown');
  expect(screen.getByRole('menuitem', { name: 'Revoke' })).toHaveFocus();
  await key('ArrowDown');
  expect(screen.getByRole('menuitem', { name: 'Copy' })).toHaveFocus();
  await key('ArrowUp');
  expect(screen.getByRole('menuitem', { name: 'Revoke' })).toHaveFocus();
  await key('Home');
  await key('End');
  expect(screen.getByRole('menuitem', { name: 'Revoke' })).toHaveFocus();
  await key('Home');
  await key('r');
  await key('e');
  await key('v');
  expect(screen.getByRole('menuitem', { name: 'Revoke' })).toHaveFocus();
  await fireEvent.click(document.activeElement as Element);
  expect(run.mock.calls).toEqual([['Revoke']]);
  expect(menu()).toBeNull();
  expect(opener()).toHaveFocus();
});

test.each(['Escape', 'Tab'])('%s closes a menu and returns the focus', async (name) => {
  open();
  opener().focus();
  await fireEvent.click(opener());
  expect(opener()).toHaveAttribute('aria-expanded', 'true');
  await key(name);
  expect(menu()).toBeNull();
  expect(opener()).toHaveFocus();
  expect(opener()).toHaveAttribute('aria-expanded', 'false');
});

test('a press elsewhere closes a menu without running anything', async () => {
  const { run } = open();
  await fireEvent.click(opener());
  expect(menu()).not.toBeNull();
  await fireEvent.pointerDown(document.body);
  expect(menu()).toBeNull();
  expect(run).not.toHaveBeenCalled();
});

test('a right click opens the menu in place of the one of the web view', async () => {
  const { component } = open();
  const event = new MouseEvent('contextmenu', { clientX: 40, clientY: 50, button: 2, cancelable: true });
  component.openAt(event);
  expect(event.defaultPrevented).toBe(true);
  const opened = await screen.findByRole('menu');
  expect(opened.style.left).toBe('40px');
  expect(opened.style.top).toBe('50px');
});
