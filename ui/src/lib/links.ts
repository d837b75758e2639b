/** Where the project's pages are. */

import type { Overview } from '../bindings/Overview';

const REPOSITORY = 'https://github.com/codex-proxy/codex-proxy';

export const DOCUMENTATION = `${REPOSITORY}#readme`;
export const CONFIGURATION = `${REPOSITORY}/blob/main/docs/configuration.md`;
export const CHANGELOG = `${REPOSITORY}/blob/main/CHANGELOG.md`;
export const LICENCE = `${REPOSITORY}/blob/main/LICENSE`;

/** The proxy's own pages about its API. */
export const apiDocs = (baseUrl: string) => baseUrl.replace(/\/v1$/, '/docs');

/** A new issue with the versions filled in, and nothing about the user. */
export function reportProblem(overview: Overview | null): string {
  const versions = [
    `Codex Proxy ${overview?.version ?? ''}`,
    `Codex ${overview?.codex.version ?? 'not found'}`,
    navigator.platform,
  ];
  const body = `What happened, and what did you expect?\n\n\nVersions: ${versions.join(', ')}\n`;
  return `${REPOSITORY}/issues/new?body=${encodeURIComponent(body)}`;
}
