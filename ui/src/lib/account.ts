/** Notices a new sign-in from one overview to the next. */

import type { Overview } from '../bindings/Overview';

/** The account's name, `null` when signed out, `undefined` when not known, as while Codex starts. */
export function knownAccount({ codex }: Overview): string | null | undefined {
  if (codex.account?.kind === 'chatGpt' || codex.account?.kind === 'apiKey') return codex.account.name;
  return codex.state === 'notSignedIn' ? null : undefined;
}

/** What to tell about a change of the account; `undefined` before any is known. */
export function signedInMessage(before: string | null | undefined, now: string | null | undefined): string | null {
  if (before === undefined || typeof now !== 'string' || before === now) return null;
  return now === 'OpenAI API key' ? 'Signed in with an API key.' : `Signed in as ${now}.`;
}
