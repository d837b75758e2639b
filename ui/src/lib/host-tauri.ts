/** The host backed by Rust. The only file that imports `@tauri-apps/*`. */

import { Channel, invoke } from '@tauri-apps/api/core';
import { listen } from '@tauri-apps/api/event';
import { COMMANDS, type Host } from './host';

/** Sent with every command, because "today" starts at local midnight. */
const utcOffsetSeconds = () => -new Date().getTimezoneOffset() * 60;

const toSnakeCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Functions become channels: the app calls them once per event. */
const toArgument = (value: unknown) =>
  typeof value === 'function' ? new Channel(value as (event: unknown) => void) : value;

const commands = Object.entries(COMMANDS).map(([name, { parameters }]) => {
  const call = (...values: unknown[]) => {
    const args = Object.fromEntries(parameters.map((parameter, index) => [parameter, toArgument(values[index])]));
    return invoke(toSnakeCase(name), { ...args, utcOffsetSeconds: utcOffsetSeconds() });
  };
  return [name, call] as const;
});

export const tauriHost = {
  ...Object.fromEntries(commands),
  listen: (event, handler) => listen(event, (message) => handler(message.payload as Parameters<typeof handler>[0])),
} as Host;
