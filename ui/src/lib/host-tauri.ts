/** The one door to the Rust side. No other file imports `@tauri-apps/*`. */

import { Channel, invoke } from '@tauri-apps/api/core';
import { listen } from '@tauri-apps/api/event';
import { COMMANDS, type Host } from './host';

/** By how much this machine's clock is ahead of UTC: days begin at its midnight. Commands that count days take it. */
const utcOffsetSeconds = () => -new Date().getTimezoneOffset() * 60;

const inSnakeCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** A function is called with each event that the app sends to it. */
const passed = (value: unknown) =>
  typeof value === 'function' ? new Channel(value as (event: unknown) => void) : value;

const commands = Object.entries(COMMANDS).map(([name, { parameters }]) => {
  const call = (...values: unknown[]) => {
    const named = Object.fromEntries(parameters.map((parameter, index) => [parameter, passed(values[index])]));
    return invoke(inSnakeCase(name), { ...named, utcOffsetSeconds: utcOffsetSeconds() });
  };
  return [name, call] as const;
});

export const tauriHost = {
  ...Object.fromEntries(commands),
  listen: (event, heard) => listen(event, (message) => heard(message.payload as Parameters<typeof heard>[0])),
} as Host;
