/**
 * The settings while somebody changes them: what is saved, what the form says, and what was wrong with it.
 *
 * It outlives the settings view, so that a look at another view loses nothing.
 */

import type { Applied } from '../bindings/Applied';
import type { CodexCheck } from '../bindings/CodexCheck';
import type { SettingsView } from '../bindings/SettingsView';
import type { App } from './app-store.svelte';
import { changedFields, pick, rebase, type FieldName, type Form } from './settings-form';
import { errorText, fieldErrors } from './format';

export class Draft {
  /** `null` until the first answer. */
  saved = $state.raw<SettingsView | null>(null);
  form = $state<Form | null>(null);
  errors = $state.raw<Partial<Record<FieldName, string>>>({});
  /** An error of the form as a whole. */
  error = $state<string | null>(null);
  saving = $state(false);
  /** What the codex of the form's path is, once it was looked at. */
  codex = $state.raw<CodexCheck | null>(null);

  changed = $derived<FieldName[]>(this.saved && this.form ? changedFields(this.form, this.saved.form) : []);

  constructor(readonly app: App) {}

  /** Whether anybody has asked for the settings yet. */
  wanted = false;

  /** Asks what is saved. Fields that were changed here stay as they are. */
  async load(): Promise<void> {
    this.wanted = true;
    await this.app.attempt(async () => this.#take(await this.app.host.settings()));
  }

  set<F extends FieldName>(field: F, value: Form[F]): void {
    if (this.form === null) return;
    this.form[field] = value;
    const { [field]: _, ...others } = this.errors;
    this.errors = others;
    this.error = null;
  }

  /** Saves what was changed, all of it or nothing. Returns what came of it, or `null` when it was refused. */
  async save(): Promise<Applied | null> {
    if (this.form === null || this.saving) return null;
    const changes = pick($state.snapshot(this.form) as Form, this.changed);
    return this.#send(() => this.app.host.setSettings(changes));
  }

  /** Saves one field now and leaves the rest of the draft alone. */
  async saveOne<F extends FieldName>(field: F, value: Form[F]): Promise<boolean> {
    return (await this.#send(() => this.app.host.setSetting(field, value))) !== null;
  }

  undo(): void {
    if (this.saved) this.form = { ...this.saved.form };
    this.errors = {};
    this.error = null;
    this.codex = null;
  }

  async checkCodex(): Promise<void> {
    const path = this.form?.codex_path ?? '';
    await this.app.attempt(async () => {
      const codex = await this.app.host.checkCodex(path);
      if ((this.form?.codex_path ?? '') === path) this.codex = codex;
    });
  }

  async #send(change: () => Promise<Applied>): Promise<Applied | null> {
    this.saving = true;
    this.errors = {};
    this.error = null;
    try {
      const applied = await change();
      this.#take(await this.app.host.settings());
      this.app.trouble = null;
      return applied;
    } catch (error) {
      this.errors = fieldErrors(error);
      this.error = errorText(error);
      return null;
    } finally {
      this.saving = false;
    }
  }

  #take(view: SettingsView): void {
    this.form = this.form && this.saved ? rebase(this.form, this.saved.form, view.form) : { ...view.form };
    // The damaged file is told of once; it stays told until the window closes.
    this.saved = { ...view, notice: view.notice ?? this.saved?.notice ?? null };
    if (this.form.codex_path === view.form.codex_path) this.codex = null;
  }
}
