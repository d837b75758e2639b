/** The steps of the first start. */

import type { Overview } from '../bindings/Overview';
import type { Recipe } from '../bindings/Recipe';
import type { SetupStep } from '../bindings/SetupStep';
import type { SetupView } from '../bindings/SetupView';
import { formatDuration } from './format';

export type StepState = 'done' | 'current' | 'later';

const ORDER: SetupStep[] = ['codex', 'account', 'firstApp', 'done'];

export function setupSteps(overview: Overview, setup: SetupView) {
  const stateOf = (step: SetupStep): StepState => {
    const distance = ORDER.indexOf(step) - ORDER.indexOf(setup.step);
    return distance < 0 ? 'done' : distance === 0 ? 'current' : 'later';
  };
  const codex = stateOf('codex');
  const account = stateOf('account');
  const firstApp = stateOf('firstApp');
  const answer = setup.firstApp;
  return {
    codex: { state: codex, summary: codex === 'done' ? (overview.codex.version ?? 'Installed') : '' },
    account: {
      state: account,
      summary:
        account === 'done'
          ? (overview.codex.account?.name ?? 'Signed in')
          : account === 'later'
            ? 'ChatGPT or an API key'
            : '',
    },
    firstApp: {
      state: firstApp,
      summary:
        firstApp === 'done' && answer.state === 'answered'
          ? `Your first answer took ${formatDuration(answer.ms)}${answer.client ? ` · ${answer.client}` : ''}`
          : firstApp === 'later'
            ? 'Copy the address and a key'
            : '',
    },
  };
}

/** The apps offered for the first request, most popular first; Connect has all. */
const FIRST_APPS = ['openWebUi', 'cline', 'zed', 'continue', 'curl', 'python', 'other'];
const MAX_APPS = 5;

export function firstApps(recipes: Recipe[]): Recipe[] {
  const known = FIRST_APPS.flatMap((id) => recipes.filter((recipe) => recipe.id === id));
  return known.slice(0, MAX_APPS);
}

/** Whether the app is a command or a program, in which the address and the key are filled in. */
export function isCode(recipe: Recipe): boolean {
  return recipe.pieces.every((piece) => piece.code);
}

/** `0:07`, `12:30`. */
export function formatElapsed(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
