/** The apps of the grid: each has one recipe, or one for each place where it may run. */

import type { ExchangeRow } from '../../bindings/ExchangeRow';
import type { Recipe } from '../../bindings/Recipe';

interface Place {
  title: string;
  text: string;
  /** Completes "Open WebUI runs …". */
  phrase: string;
}

export interface RecipeGroup {
  id: string;
  name: string;
  /** What it is, for names that do not say it. */
  note: string;
  recipes: Recipe[];
  /** Where the app runs, by recipe id, for apps with several recipes. */
  places: Record<string, Place>;
  /** How to set images up, by recipe id, for apps that generate them. */
  images: Record<string, Recipe>;
}

/** The end of the id of a recipe for images; the rest is that of the place. */
const IMAGES = 'Images';

const OPEN_WEBUI: Omit<RecipeGroup, 'recipes' | 'images'> = {
  id: 'openWebUi',
  name: 'Open WebUI',
  note: '',
  places: {
    openWebUi: { title: 'This computer', text: 'pip, uv or desktop app', phrase: 'on this computer' },
    openWebUiDocker: { title: 'Docker on Linux', text: 'Uses the Docker bridge', phrase: 'in Docker' },
    openWebUiDockerDesktop: { title: 'Docker Desktop', text: 'On Mac and Windows', phrase: 'in Docker Desktop' },
  },
};

/** Names and notes of apps whose recipe has another title. */
const NAMES: Record<string, { name?: string; note?: string }> = {
  vscode: { note: 'GitHub Copilot chat' },
  copilotCli: { note: 'In the terminal' },
  homeAssistant: { note: 'Extended OpenAI Conversation' },
  python: { name: 'OpenAI Python', note: 'Package openai' },
  node: { name: 'OpenAI Node', note: 'Package openai' },
  curl: { note: 'In the terminal' },
  other: { name: 'Any other app', note: 'Base URL and key' },
};

export function groupRecipes(recipes: readonly Recipe[]): RecipeGroup[] {
  const webUi = recipes.filter((recipe) => recipe.id in OPEN_WEBUI.places);
  const placeOf = (recipe: Recipe) => (recipe.id.endsWith(IMAGES) ? recipe.id.slice(0, -IMAGES.length) : recipe.id);
  const others = recipes.filter((recipe) => !(placeOf(recipe) in OPEN_WEBUI.places));
  const images = Object.fromEntries(
    recipes
      .filter((recipe) => placeOf(recipe) !== recipe.id && placeOf(recipe) in OPEN_WEBUI.places)
      .map((recipe) => [placeOf(recipe), recipe]),
  );
  return [
    ...(webUi.length > 0 ? [{ ...OPEN_WEBUI, recipes: webUi, images }] : []),
    ...others.map((recipe) => ({
      id: recipe.id,
      name: NAMES[recipe.id]?.name ?? recipe.title,
      note: NAMES[recipe.id]?.note ?? '',
      recipes: [recipe],
      places: {},
      images: {},
    })),
  ];
}

/** When each app sent its latest request, by its name in the request log. The newest rows come first. */
export function lastSeen(rows: readonly ExchangeRow[]): Map<string, number> {
  const seen = new Map<string, number>();
  for (const row of rows) {
    const name = (row as { app?: string }).app ?? row.client;
    if (!seen.has(name)) seen.set(name, row.at);
  }
  return seen;
}

/** Up to two letters: `OW` for Open WebUI, `Zd` would be no better than `Z` for Zed. */
export function monogram(name: string): string {
  const initials = name.split(/[^\p{L}\p{N}]+/u).map((word) => word[0] ?? '');
  return initials.slice(0, 2).join('').toUpperCase();
}
