/** The fake host's account: signing in, out, and switching. */

import type { AccountChoice } from '../../bindings/AccountChoice';
import type { AccountView } from '../../bindings/AccountView';
import type { Overview } from '../../bindings/Overview';
import type { ViewError } from '../../bindings/ViewError';
import type { Host } from '../host';
import { ACCOUNT, overviewFor, RUNNING } from './scenario';

const API_KEY: AccountView = { kind: 'apiKey', name: 'OpenAI API key', email: null, plan: null, workspace: null };
const SIGN_IN_MS = 6000;
const PAGE = 'https://auth.openai.com/codex/device';

type Commands = Pick<
  Host,
  'signIn' | 'openSignInPage' | 'signInWithApiKey' | 'cancelSignIn' | 'signOut' | 'accounts' | 'switchAccount'
>;

/** With `live`, a sign-in succeeds after a while; else it waits for the test to emit the next overview. */
export function fakeAccount(
  overview: () => Overview,
  update: (change: Partial<Overview>) => void,
  live: boolean,
): Commands {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const account = (account: AccountView): Partial<Overview> => ({
    codex: { ...overview().codex, state: 'ready', account, message: null },
    health: RUNNING,
  });
  const succeed = (next: AccountView) => {
    clearTimeout(timer);
    update({ ...account(next), signIn: { state: 'succeeded', name: next.name } });
    update({ signIn: null });
  };
  const choices = (): AccountChoice[] =>
    ['Personal', 'Acme Inc'].map((name) => ({
      id: `session/${name}`,
      name,
      email: ACCOUNT.email,
      isActive: overview().codex.account?.workspace === name,
    }));
  return {
    signIn: async (method) => {
      clearTimeout(timer);
      update({
        signIn:
          method === 'browser'
            ? { state: 'browser', url: 'https://auth.openai.com/oauth/authorize' }
            : { state: 'deviceCode', url: PAGE, code: 'ABCD-12345' },
      });
      if (live) timer = setTimeout(() => succeed(ACCOUNT), SIGN_IN_MS);
    },
    openSignInPage: async () => {},
    signInWithApiKey: async (key) => {
      if (key.trim() === '') {
        const message = 'Enter an API key.';
        throw { message, fields: [{ field: 'key', message }] } satisfies ViewError;
      }
      succeed(API_KEY);
    },
    cancelSignIn: async () => {
      clearTimeout(timer);
      update({ signIn: null });
    },
    signOut: async () => {
      const { codex, health } = overviewFor('not-signed-in', 0);
      update({ codex, health });
    },
    accounts: async () => choices(),
    switchAccount: async (id) => {
      const workspace = choices().find((choice) => choice.id === id)?.name ?? null;
      update(account({ ...ACCOUNT, plan: 'Team', workspace }));
    },
  };
}
