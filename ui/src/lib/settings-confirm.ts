/** The changes that are confirmed first, because they cut apps off or let them do more: port, network access and permissions. */

import { FULL_ACCESS, isEqual, type Form } from './settings-form';

export interface Question {
  title: string;
  text: string;
  action: string;
}

const isPort = (value: unknown): value is number => typeof value === 'number' && value >= 1 && value <= 65535;

/** An invalid port is rejected anyway, so it needs no confirmation. */
export function needsConfirmation(changes: Partial<Form>, saved: Form): boolean {
  return (
    (isPort(changes.port) && changes.port !== saved.port) ||
    (changes.listen !== undefined && changes.listen !== saved.listen) ||
    (changes.sandbox !== undefined && changes.sandbox !== saved.sandbox) ||
    (changes.keys_needed === false && saved.keys_needed)
  );
}

/** What the user is asked. Full access has a separate dialog. */
export function questionAbout(changes: Partial<Form>, saved: Form): Question {
  const one = Object.keys(changes).length === 1;
  if (!one) {
    const { port, listen } = changes;
    const moved = port !== undefined && !isEqual(port, saved.port) ? ` The port becomes ${port}.` : '';
    const loopback = listen !== undefined && listen !== saved.listen ? ' Only this computer can connect.' : '';
    const sandbox = changes.sandbox !== undefined ? ' Codex can only read files.' : '';
    return {
      title: 'Reset to defaults?',
      text: `All settings on this page go back to their defaults.${moved}${loopback}${sandbox}`,
      action: 'Reset',
    };
  }
  if (changes.port !== undefined)
    return {
      title: `Change the port to ${changes.port}?`,
      text: `The base URL becomes http://127.0.0.1:${changes.port}/v1. Connected apps need the new one. Answers in progress finish.`,
      action: 'Change port',
    };
  if (changes.keys_needed !== undefined)
    return {
      title: 'Turn off keys?',
      text: "Any app on this computer, and anyone signed in to it, can then use your Codex account and do whatever the sandbox allows. Other devices on your network still can't connect.",
      action: 'Turn off',
    };
  if (changes.listen !== undefined)
    return {
      loopback: {
        title: 'Limit access to this computer?',
        text: 'Docker containers and other devices can no longer connect.',
        action: 'Limit access',
      },
      dockerBridge: {
        title: 'Allow Docker containers?',
        text: 'Containers on this computer with a key can use your Codex account. Other devices still can’t connect.',
        action: 'Allow containers',
      },
      everywhere: {
        title: 'Open the proxy to your network?',
        text: 'Anyone on this network with a key can use your Codex account. Prompts and keys are sent unencrypted.',
        action: 'Open to the network',
      },
    }[changes.listen];
  return changes.sandbox === 'read-only'
    ? {
        title: 'Make Codex read only?',
        text: 'Commands of codex-local can then change nothing. This applies to new requests.',
        action: 'Make read only',
      }
    : {
        title: 'Let Codex change files?',
        text: 'Apps that use codex-local can then change files in the working folder. This applies to new requests.',
        action: 'Allow changes',
      };
}

/** Whether full access is about to be given, which has to be typed. */
export const givesFullAccess = (changes: Partial<Form>) => changes.sandbox === FULL_ACCESS;
