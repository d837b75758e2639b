/**
 * The settings while somebody changes them: what is saved, what the form says, and what was wrong with it.
 *
 * It outlives the settings view, so that a look at another view loses nothing.
 */

import type { CodexCheck } from '../bindings/CodexCheck';
import type { SettingsForm } from '../bindings/SettingsForm';
import type { SettingsView } from '../bindings/SettingsView';
import type { App } from './app.svelte';
import { changedFields, rebase, type FieldName } from './form';
import { errorText, fieldErrors } from './words';

export class Draft {
  /** `null` until the first answer. */
  saved = $state.raw<SettingsView | null>(null);
  form = $state<SettingsForm | null>(null);
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

  set<F extends FieldName>(field: F, value: SettingsForm[F]): void {
    if (this.form === null) return;
    this.form[field] = value;
    const { [field]: _, ...others } = this.errors;
    this.errors = others;
    this.error = null;
  }

  /** Saves the form. Returns what changed by it, or `null` when it was refused. */
  async save(): Promise<FieldName[] | null> {
    if (this.form === null || this.saving) return null;
    const changed = this.changed;
    return (await this.#send($state.snapshot(this.form))) ? changed : null;
  }

  /** Saves one field now and leaves the rest of the draft alone. */
  async saveOne<F extends FieldName>(field: F, value: SettingsForm[F]): Promise<boolean> {
    if (this.saved === null) await this.load();
    if (this.saved === null) return false;
    return this.#send({ ...this.saved.form, [field]: value });
  }

  undo(): void {
    if (this.saved) this.form = { ...this.saved.form };
    this.errors = {};
    this.error = null;
    this.codex = null;
  }

  async checkCodex(): Promise<void> {
    const path = this.form?.codexPath ?? '';
    await this.app.attempt(async () => {
      const codex = await this.app.host.checkCodex(path);
      if (this.form?.codexPath === path) this.codex = codex;
    });
  }

  async #send(form: SettingsForm): Promise<boolean> {
    this.saving = true;
    this.errors = {};
    this.error = null;
    try {
      this.#take(await this.app.host.saveSettings(form));
      this.app.trouble = null;
      return true;
    } catch (error) {
      this.errors = fieldErrors(error);
      this.error = errorText(error);
      return false;
    } finally {
      this.saving = false;
    }
  }

  #take(view: SettingsView): void {
    this.form = this.form && this.saved ? rebase(this.form, this.saved.form, view.form) : { ...view.form };
    // The damaged file is told of once; it stays told until the window closes.
    this.saved = { ...view, notice: view.notice ?? this.saved?.notice ?? null };
    if (this.form.codexPath === view.form.codexPath) this.codex = null;
  }
}
