/** What answers changed, in the fake host, with its undoing and reviews. */

import type { Changes } from '../../bindings/Changes';
import type { ExchangeDetail } from '../../bindings/ExchangeDetail';
import type { ExchangeRow } from '../../bindings/ExchangeRow';
import type { Review } from '../../bindings/Review';
import type { Settings } from '../../bindings/Settings';
import type { UndoCoverage } from '../../bindings/UndoCoverage';
import type { ViewError } from '../../bindings/ViewError';
import type { Host } from '../host';
import type { Log } from './requests';
import type { Scenario } from './scenario';

const FOLDER = '/home/me/projects/shop';
const LONG_LINE =
  'A line that goes on for much longer than any window is wide, as those of generated or minified files often do, so it has to scroll.';

const DIFF = `diff --git a/README.md b/README.md
index 3f1c2aa..9ce0d71 100644
--- a/README.md
+++ b/README.md
@@ -1,5 +1,5 @@
 # Shop
 
-Run \`npm start\`.
+Run \`npm ci\`, then \`npm start\`.
 
 ${LONG_LINE}
diff --git a/assets/logo.png b/assets/logo.png
index 77a1d1c..0d2e6b1 100644
Binary files a/assets/logo.png and b/assets/logo.png differ
diff --git a/src/prices.ts b/src/money.ts
similarity index 71%
rename from src/prices.ts
rename to src/money.ts
index 1a2b3c4..5d6e7f8 100644
--- a/src/prices.ts
+++ b/src/money.ts
@@ -4,11 +4,14 @@ import { TAX } from './tax';
 
 /** The price with tax, in cents. */
 export function total(cents: number, country: string): number {
-  return Math.round(cents * (1 + TAX[country]));
+  const rate = TAX[country];
+  if (rate === undefined) throw new Error(\`No tax rate for \${country}\`);
+  return Math.round(cents * (1 + rate));
 }
 
-export function format(cents) {
-  return cents / 100 + ' €';
+export function format(cents: number): string {
+  const euros = new Intl.NumberFormat('de-DE', { style: 'currency', currency: 'EUR' });
+  return euros.format(cents / 100);
 }
 
 export const FREE_SHIPPING = 5000;
diff --git a/tests/money.test.ts b/tests/money.test.ts
new file mode 100644
index 0000000..e69de29
--- /dev/null
+++ b/tests/money.test.ts
@@ -0,0 +1,6 @@
+import { expect, test } from 'vitest';
+import { total } from '../src/money';
+
+test('a country without a rate is an error', () => {
+  expect(() => total(100, 'XX')).toThrow('No tax rate');
+});
`;

const CHANGES: Changes = {
  folder: FOLDER,
  count: 4,
  files: [
    { path: 'README.md', what: 'changed', from: null, added: 1, removed: 1, binary: false, link: false },
    { path: 'assets/logo.png', what: 'changed', from: null, added: 0, removed: 0, binary: true, link: false },
    { path: 'src/money.ts', what: 'renamed', from: 'src/prices.ts', added: 6, removed: 3, binary: false, link: false },
    { path: 'tests/money.test.ts', what: 'added', from: null, added: 6, removed: 0, binary: false, link: false },
  ],
  diff: DIFF,
  diffCut: false,
  undo: { state: 'possible' },
};

const REVIEWED: Partial<Review> = {
  state: 'done',
  step: null,
  summary:
    'The change is mostly sound, but formatting creates a formatter on every call, and one caller was left behind.',
  findings: [
    {
      title: '[P1] Update the caller in cart.ts',
      text: 'src/cart.ts still imports ./prices, which no longer exists, so the build fails.',
      place: 'src/money.ts:1',
    },
    {
      title: '[P3] Create the formatter once',
      text: 'Intl.NumberFormat is slow to create. Make it a constant of the module.',
      place: 'src/money.ts:13-14',
    },
  ],
  tokens: 12_345,
};

const REVIEW_STEPS = ["rg -n 'prices' src", 'sed -n 1,40p src/cart.ts', null] as const;

export function fakeChanges(log: Log) {
  const undone = new Set<string>();
  const reviews = new Map<string, Review>();

  const publish = (id: string) => {
    const row = log.rows.find((one) => one.id === id);
    if (row !== undefined) log.emit('exchange', { ...row });
  };
  const setReview = (id: string, change: Partial<Review>) => {
    const review = reviews.get(id);
    if (review === undefined) return;
    reviews.set(id, { ...review, ...change });
    publish(id);
  };
  const pause = () => new Promise((done) => setTimeout(done, log.live ? 1200 : 0));

  const commands: Pick<Host, 'undoChanges' | 'redoChanges' | 'reviewChanges' | 'cancelReview'> = {
    undoChanges: async (id) => {
      undone.add(id);
      publish(id);
      return {
        restored: ['assets/logo.png', 'src/prices.ts', 'tests/money.test.ts'],
        refused: [{ path: 'README.md', why: 'It was edited after the answer.' }],
      };
    },
    redoChanges: async (id) => {
      undone.delete(id);
      publish(id);
      return { restored: ['assets/logo.png', 'src/money.ts', 'tests/money.test.ts'], refused: [] };
    },
    reviewChanges: async (id) => {
      if (reviews.get(id)?.state === 'running')
        throw { message: 'These changes are being reviewed already.', fields: [] } satisfies ViewError;
      const began = log.now();
      reviews.set(id, { state: 'running', began, ended: null, step: null, summary: '', findings: [], tokens: null });
      publish(id);
      void (async () => {
        for (const step of REVIEW_STEPS) {
          await pause();
          if (reviews.get(id)?.state !== 'running') return;
          setReview(id, step === null ? { ...REVIEWED, ended: log.now() } : { step });
        }
      })();
    },
    cancelReview: async (id) => setReview(id, { state: 'cancelled', ended: log.now(), step: null }),
  };

  const of = (row: ExchangeRow): Pick<ExchangeDetail, 'changes' | 'review'> => {
    if (row.filesChanged === 0) return { changes: null, review: null };
    const undo: Changes['undo'] = undone.has(row.id)
      ? { state: 'undone' }
      : row.key === 'Work laptop'
        ? { state: 'not', why: 'The snapshot of this answer is no longer there.' }
        : { state: 'possible' };
    return { changes: { ...CHANGES, undo }, review: reviews.get(row.id) ?? null };
  };

  return { commands, of };
}

export function undoCoverage(scenario: Scenario, form: Settings): UndoCoverage | null {
  if (form.sandbox === 'read-only' || !form.undo) return null;
  const coverage =
    scenario === 'no-git'
      ? { covered: false, why: "git isn't installed, and changes can't be undone without it.", leftOut: [] }
      : {
          covered: true,
          why: null,
          leftOut: ["Files that .gitignore lists can't be restored.", "The repository in vendor can't be restored."],
        };
  return { folder: form.workspace ?? '/home/me/.local/share/codex-proxy/workspace', coverage };
}
