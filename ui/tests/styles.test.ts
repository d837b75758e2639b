import { describe, expect, it } from 'vitest';
import tokens from '../src/styles/tokens.css?raw';

const FILES = import.meta.glob<string>('../src/**/*.{svelte,css}', { query: '?raw', import: 'default', eager: true });
const TOKEN = /^var\(--text-(small|compact|body|large|title)\)$/;

function values(property: string): string[] {
  const declaration = new RegExp(`\\b${property}:\\s*([^;]+);`, 'g');
  return Object.entries(FILES).flatMap(([file, text]) =>
    [...text.matchAll(declaration)].map(([, value = '']) => (value === 'inherit' ? [] : `${value} in ${file}`)).flat(),
  );
}

describe('text sizes', () => {
  it('are the five tokens everywhere', () => {
    const used = [...values('font-size'), ...values('font')];
    expect(used.length).toBeGreaterThan(10);
    expect(used.filter((use) => !TOKEN.test(use.split(/ in | \/ /)[0] ?? ''))).toEqual([]);
  });

  it('are 12, 13, 14, 16 and 20 pixels', () => {
    const sizes = [...tokens.matchAll(/--text-\w+:\s*([^;]+);/g)].map(([, size]) => size);
    expect(sizes).toEqual(['12px', '13px', '14px', '16px', '20px']);
  });
});
