/** The settings being edited: the saved values, the form and its errors. It outlives the settings view, so switching views loses nothing. */

import type { CodexCheck } from '../bindings/CodexCheck';
import type { SettingsView } from '../bindings/SettingsView';
import type { AppStore } from './app-store.svelte';
import { errorMessage, fieldErrors } from './format';
import { changedFields, pick, rebase, type FieldName, type Form } from './settings-form';

export class SettingsDraft {
  /** `null` until first loaded. */
  saved = $state.raw<SettingsView | null>(null);
  form = $state<Form | null>(null);
  errors = $state.raw<Partial<Record<FieldName, string>>>({});
  /** An error that belongs to the form as a whole. */
  error = $state<string | null>(null);
  saving = $state(false);
  /** The result of checking the path in the form; `null` until checked. */
  codexCheck = $state.raw<CodexCheck | null>(null);

  changed = $derived<FieldName[]>(this.saved && this.form ? changedFields(this.form, this.saved.form) : []);

  /** A view has requested the settings, so they need reloading when they change elsewhere. */
  requested = false;

  constructor(readonly app: AppStore) {}

  /** Loads the saved settings. Fields edited here keep their values. */
  async load(): Promise<void> {
    this.requested = true;
    await this.app.attempt(async () => this.#applySaved(await this.app.host.settings()));
  }

  set<F extends FieldName>(field: F, value: Form[F]): void {
    if (this.form === null) return;
    this.form[field] = value;
    const { [field]: _, ...otherErrors } = this.errors;
    this.errors = otherErrors;
    this.error = null;
  }

  /** Saves all changes or none. Returns whether they were accepted. */
  async save(): Promise<boolean> {
    if (this.form === null || this.saving) return false;
    const changes = pick($state.snapshot(this.form) as Form, this.changed);
    return this.#submit(() => this.app.host.setSettings(changes));
  }

  /** Saves one field right away and leaves the other changes unsaved. */
  async saveField<F extends FieldName>(field: F, value: Form[F]): Promise<boolean> {
    return this.#submit(() => this.app.host.setSetting(field, value));
  }

  discard(): void {
    if (this.saved) this.form = { ...this.saved.form };
    this.errors = {};
    this.error = null;
    this.codexCheck = null;
  }

  async checkCodex(): Promise<void> {
    const path = this.form?.codex_path ?? '';
    await this.app.attempt(async () => {
      const result = await this.app.host.checkCodex(path);
      // The path may have changed while the check ran.
      if ((this.form?.codex_path ?? '') === path) this.codexCheck = result;
    });
  }

  async #submit(change: () => Promise<void>): Promise<boolean> {
    this.saving = true;
    this.errors = {};
    this.error = null;
    try {
      await change();
      this.#applySaved(await this.app.host.settings());
      this.app.error = null;
      return true;
    } catch (error) {
      this.errors = fieldErrors(error);
      this.error = errorMessage(error);
      return false;
    } finally {
      this.saving = false;
    }
  }

  #applySaved(settings: SettingsView): void {
    this.form = this.form && this.saved ? rebase(this.form, this.saved.form, settings.form) : { ...settings.form };
    // The app reports a damaged file once; keep the notice until the window closes.
    this.saved = { ...settings, notice: settings.notice ?? this.saved?.notice ?? null };
    if (this.form.codex_path === settings.form.codex_path) this.codexCheck = null;
  }
}
