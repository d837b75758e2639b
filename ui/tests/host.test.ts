import { clearMocks, mockIPC } from '@tauri-apps/api/mocks';
import { afterEach, expect, test } from 'vitest';
import source from '../../src-tauri/src/commands.rs?raw';
import { COMMANDS } from '../src/lib/host';
import { tauriHost } from '../src/lib/host-tauri';

afterEach(() => clearMocks());

test("a call uses the command's Rust name and named arguments", async () => {
  const calls: unknown[] = [];
  mockIPC((name, values) => {
    calls.push([name, values]);
    return 'answer';
  });
  expect(await tauriHost.copyPiece('curl', 2, null, null)).toBe('answer');
  const utcOffsetSeconds = expect.any(Number);
  expect(calls).toEqual([['copy_piece', { recipeId: 'curl', index: 2, keyId: null, url: null, utcOffsetSeconds }]]);
});

test('the window declares exactly the commands of the app', () => {
  const inRust = /generate_handler!\[([^\]]*)\]/.exec(source)?.[1]?.match(/\w+(?=,)/g) ?? [];
  const camel = inRust.map((name) => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()));
  expect(camel.toSorted()).toEqual(Object.keys(COMMANDS).toSorted());
});
