/** The questions of Codex that wait: which one is shown, and what is filled in but not sent. */

import { SvelteSet } from 'svelte/reactivity';
import type { Approval } from '../bindings/Approval';
import type { ApprovalAnswer } from '../bindings/ApprovalAnswer';
import type { AppStore } from './app-store.svelte';
import { initialValues, type Values } from './approval-values';

/** Clocks of the app and the window may differ by this much. */
const CLOCK_TOLERANCE_MS = 2000;

const ANNOUNCED: Record<ApprovalAnswer['answer'], string> = {
  allowOnce: 'Allowed once.',
  allowFromNowOn: 'Allowed from now on.',
  deny: 'Denied.',
  denyAndStop: 'Denied, and the answer is stopped.',
  values: 'Sent.',
};

export class Approvals {
  /** Whether the panel is open. Folded, the questions go on waiting. */
  open = $state(false);
  #selected = $state<string | null>(null);
  /** Answered here; the overview may not know yet. */
  #answered = new SvelteSet<string>();
  #known = new Map<string, Approval>();
  #values = new Map<string, Values>();

  /** Oldest first. */
  readonly waiting: readonly Approval[] = $derived.by(() =>
    (this.app.overview?.approvals ?? []).filter(({ id }) => !this.#answered.has(id)),
  );
  readonly current: Approval | undefined = $derived.by(
    () => this.waiting.find(({ id }) => id === this.#selected) ?? this.waiting[0],
  );

  constructor(private readonly app: AppStore) {}

  show(): void {
    this.open = this.waiting.length > 0;
  }

  select(id: string): void {
    this.#selected = id;
  }

  /** What is filled in for a question. */
  valuesOf(approval: Approval): Values {
    const known = this.#values.get(approval.id);
    if (known !== undefined) return known;
    const values = $state(initialValues(approval.question));
    this.#values.set(approval.id, values);
    return values;
  }

  /** Opens the panel for new questions, and says how questions ended that were not answered here. */
  update(approvals: readonly Approval[], now = Date.now()): void {
    const ids = new Set(approvals.map(({ id }) => id));
    const shown = this.open ? this.current : undefined;
    for (const [id, approval] of this.#known) {
      if (ids.has(id)) continue;
      if (!this.#answered.delete(id)) this.app.toast(whyGone(approval, now));
      this.#known.delete(id);
      this.#values.delete(id);
    }
    const arrived = approvals.filter(({ id }) => !this.#known.has(id));
    arrived.forEach((approval) => this.#known.set(approval.id, approval));
    if (approvals.length === 0) this.open = false;
    if (arrived.length === 0) return;
    if (shown === undefined) this.open = true;
    else {
      // The card in view stays.
      this.#selected = shown.id;
      this.app.announce('Codex asks something else, too.');
    }
  }

  async answer({ id }: Approval, answer: ApprovalAnswer): Promise<void> {
    if (this.#answered.has(id)) return;
    this.#answered.add(id);
    if (this.waiting.length === 0) this.open = false;
    if (await this.app.attempt(() => this.app.host.answerApproval(id, answer))) {
      this.app.announce(ANNOUNCED[answer.answer]);
    } else if (this.#known.has(id)) {
      this.#answered.delete(id);
      this.open = true;
    }
  }
}

function whyGone({ expiresAt }: Approval, now: number): string {
  return now >= expiresAt - CLOCK_TOLERANCE_MS
    ? 'No answer in time, so Codex was denied.'
    : 'Codex asks no longer: its request has ended.';
}
