/** Groups recipes into tabs, one per app. */

import type { Recipe } from '../../bindings/Recipe';

export interface RecipeGroup {
  id: string;
  name: string;
  recipes: Recipe[];
  /** Where the app runs, by recipe id, for apps with several recipes. */
  places: Record<string, { title: string; text: string }>;
}

const GROUPS: readonly Omit<RecipeGroup, 'recipes'>[] = [
  {
    id: 'openWebUi',
    name: 'Open WebUI',
    places: {
      openWebUi: { title: 'This computer', text: 'pip, uv or desktop app' },
      openWebUiDocker: { title: 'Docker on Linux', text: 'Uses the Docker bridge' },
      openWebUiDockerDesktop: { title: 'Docker Desktop', text: 'On Mac and Windows' },
    },
  },
  { id: 'curl', name: 'curl', places: {} },
  { id: 'python', name: 'Python', places: {} },
  { id: 'node', name: 'Node', places: {} },
  { id: 'other', name: 'Other apps', places: {} },
];

/** Unknown recipes get a separate tab, named by their title. */
export function groupRecipes(recipes: readonly Recipe[]): RecipeGroup[] {
  const known = new Set(GROUPS.flatMap((group) => [group.id, ...Object.keys(group.places)]));
  const all = [
    ...GROUPS.map((group) => ({
      ...group,
      recipes: recipes.filter((recipe) => recipe.id === group.id || recipe.id in group.places),
    })),
    ...recipes
      .filter((recipe) => !known.has(recipe.id))
      .map((recipe) => ({ id: recipe.id, name: recipe.title, recipes: [recipe], places: {} })),
  ];
  return all.filter((group) => group.recipes.length > 0);
}
