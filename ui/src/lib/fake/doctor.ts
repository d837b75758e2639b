/** The checks of the fake host. */

import type { DoctorCheck } from '../../bindings/DoctorCheck';
import type { Overview } from '../../bindings/Overview';

export function doctorChecks({ codex, keychain }: Overview): DoctorCheck[] {
  const check = (text: string, more: Partial<DoctorCheck> = {}): DoctorCheck => ({
    state: 'ok',
    text,
    next: null,
    step: null,
    ...more,
  });
  const failed = (text: string, next: string, step: DoctorCheck['step']) =>
    check(text, { state: 'failed', next, step });
  const ofCodex =
    codex.state === 'notFound'
      ? [failed('Codex was not found.', 'Install it with `npm install -g @openai/codex`.', 'installCodex')]
      : codex.state === 'notSignedIn'
        ? [
            check('Codex is /home/me/.local/bin/codex (on PATH).'),
            failed('Codex is not signed in.', 'Run `codex login`.', 'signIn'),
          ]
        : [
            check('Codex is /home/me/.local/bin/codex (on PATH).'),
            check('Codex is signed in with ChatGPT (plus).'),
            check('Codex lists 10 models.'),
          ];
  return [
    check('The settings are valid.'),
    check('The data folder /home/me/.local/share/codex-proxy is writable.'),
    ...ofCodex,
    check('codex-local works in /home/me/projects and may do anything you may (danger-full-access).', {
      state: 'warning',
      step: 'changePermissions',
    }),
    check('Codex Proxy 0.3.0 is already running on 127.0.0.1:8000.'),
    check('There are 3 keys.'),
    keychain.state === 'available'
      ? check('Keys are stored in the system keychain.')
      : check(keychain.message, { state: 'warning' }),
  ];
}
