import type { KeyRow } from '../../bindings/KeyRow';

/** What a row of the key list can ask the view for. */
export type KeyActions = Record<'reveal' | 'rename' | 'limit' | 'setUp' | 'revoke', (key: KeyRow) => void>;
