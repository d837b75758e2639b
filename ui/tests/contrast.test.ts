import { expect, test } from 'vitest';
import css from '../src/styles/tokens.css?raw';

const colours = new Map(
  [...css.matchAll(/--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)/g)].map(([, name, light, dark]) => [
    name ?? '',
    [light ?? '', dark ?? ''],
  ]),
);

function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const part = parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

const TEXTS: [string, string[]][] = [
  [
    'text',
    [
      'background',
      'card',
      'sunken',
      'raised',
      'hover',
      'accent-tint',
      'tag',
      'warning-tint',
      'good-tint',
      'error-tint',
    ],
  ],
  ['muted', ['background', 'card', 'sunken', 'hover', 'tag', 'good-tint', 'error-tint']],
  ['accent', ['background', 'card', 'accent-tint']],
  ['on-accent', ['accent', 'accent-hover']],
  ['on-error', ['error']],
  ['good', ['card', 'sunken', 'good-tint']],
  ['warning', ['card', 'warning-tint']],
  ['error', ['card', 'background', 'sunken', 'error-tint', 'accent-tint', 'hover']],
];

const THEMES = ['light', 'dark'] as const;

function minContrast(name: string, backgrounds: string[]): number {
  const hex = (colour: string, theme: (typeof THEMES)[number]) =>
    colours.get(colour)?.[THEMES.indexOf(theme)] ?? `no ${colour}`;
  return Math.min(
    ...THEMES.flatMap((theme) => backgrounds.map((background) => contrast(hex(name, theme), hex(background, theme)))),
  );
}

test.each(TEXTS)('the text colour %s is readable on %s, light and dark', (name, backgrounds) =>
  expect(minContrast(name, backgrounds)).toBeGreaterThanOrEqual(4.5),
);

const SHAPES: [string, string[]][] = [
  ['border-strong', ['card']],
  ['accent', ['card', 'background', 'accent-tint']],
  ['series-1', ['card']],
  ['good', ['card', 'background']],
  ['warning', ['card', 'background']],
  ['error', ['card', 'background']],
];

test.each(SHAPES)('a shape in the colour %s is visible on %s, light and dark', (name, backgrounds) =>
  expect(minContrast(name, backgrounds)).toBeGreaterThanOrEqual(3),
);
