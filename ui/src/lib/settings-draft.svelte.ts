/**
 * The settings as they are shown: the saved values, and what is typed but not applied. It outlives the settings view, and the app
 * keeps unapplied values while the window is closed, so nothing typed is lost.
 *
 * Every change is saved at once, one request at a time, and can be undone.
 */

import type { CodexCheck } from '../bindings/CodexCheck';
import type { SettingsView } from '../bindings/SettingsView';
import type { AppStore } from './app-store.svelte';
import { errorMessage, fieldErrors } from './format';
import { needsConfirmation } from './settings-confirm';
import { changedFields, isEqual, pick, rebase, type FieldName, type Form } from './settings-form';
import { fieldsOf, PAGES, ROWS, type Page } from './settings-pages';

type Changes = Partial<Form>;
type Errors = Partial<Record<FieldName, string>>;

/** Said of a value that was typed when the window closed. */
const NOT_APPLIED = 'Not applied yet. Press Enter to apply it.';

export class SettingsDraft {
  /** `null` until first loaded. */
  saved = $state.raw<SettingsView | null>(null);
  /** The saved values with what is typed. */
  form = $state<Form | null>(null);
  errors = $state.raw<Errors>({});
  saving = $state(false);
  /** The result of checking the path in the form; `null` until checked. */
  codexCheck = $state.raw<CodexCheck | null>(null);
  /** Changes that wait for the user's confirmation. */
  confirming = $state.raw<Changes | null>(null);

  page = $state<Page>('general');
  search = $state('');

  /** Fields whose typed value was rejected, in the order of the pages. */
  invalid = $derived<FieldName[]>(
    PAGES.flatMap(({ id }) => fieldsOf(id, this.saved?.form ?? {})).filter(
      (field) => this.errors[field] !== undefined && this.changed.includes(field),
    ),
  );

  /** A view has requested the settings, so they need reloading when they change elsewhere. */
  requested = false;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(readonly app: AppStore) {}

  /** Not derived: a field that goes with the whole window still applies what it contains. */
  get changed(): FieldName[] {
    return this.saved && this.form ? changedFields(this.form, this.saved.form) : [];
  }

  /** Loads the saved settings. Fields edited here keep their values. */
  async load(): Promise<void> {
    this.requested = true;
    await this.app.attempt(async () => this.#applySaved(await this.app.host.settings()));
  }

  /** Puts a value into the form, as while typing, without applying it. */
  set<F extends FieldName>(field: F, value: Form[F]): void {
    if (this.form === null) return;
    this.form[field] = value;
    this.#clearErrors([field]);
    this.#keepDrafts();
  }

  /** Applies what is typed in a field, if it differs. */
  commit(field: FieldName): void {
    if (this.form === null || this.confirming !== null || !this.changed.includes(field)) return;
    void this.change(pick($state.snapshot(this.form) as Form, [field]));
  }

  /** Forgets what is typed in a field. */
  revert(field: FieldName): void {
    this.#showSaved([field]);
  }

  /** Applies changes at once, or after a confirmation. Returns whether they were accepted. */
  async change(changes: Changes): Promise<boolean> {
    if (this.form === null || this.saved === null) return false;
    if (needsConfirmation(changes, this.saved.form)) {
      this.confirming = changes;
      return false;
    }
    return this.#save(changes);
  }

  async confirm(): Promise<void> {
    const changes = this.confirming;
    this.confirming = null;
    if (changes !== null) await this.#save(changes);
  }

  cancel(): void {
    const fields = Object.keys(this.confirming ?? {}) as FieldName[];
    this.confirming = null;
    this.#showSaved(fields);
  }

  /** The fields of a page that differ from the defaults. */
  customized(page: Page): FieldName[] {
    const { saved } = this;
    return saved === null ? [] : fieldsOf(page, saved.form).filter((field) => this.isCustomized(field));
  }

  isCustomized(field: FieldName): boolean {
    return this.saved !== null && !isEqual(this.saved.form[field], this.saved.defaults[field]);
  }

  async reset(fields: FieldName[]): Promise<void> {
    if (this.saved !== null) await this.change(pick(this.saved.defaults, fields));
  }

  /** Shows a setting on its page. The view focuses it. */
  show(field: FieldName): void {
    this.search = '';
    this.page = ROWS[field].page;
    this.app.navigate('settings', field);
  }

  async checkCodex(): Promise<void> {
    const path = this.form?.codex_path ?? '';
    await this.app.attempt(async () => {
      const result = await this.app.host.checkCodex(path);
      // The path may have changed while the check ran.
      if ((this.form?.codex_path ?? '') === path) this.codexCheck = result;
    });
  }

  /** Saves in the order of the changes. */
  #save(changes: Changes, undoes = false): Promise<boolean> {
    if (this.form !== null) Object.assign(this.form, changes);
    const saved = this.#queue.then(() => this.#submit(changes, undoes));
    this.#queue = saved;
    return saved;
  }

  async #submit(changes: Changes, undoes: boolean): Promise<boolean> {
    const fields = Object.keys(changes) as FieldName[];
    const before = this.saved === null ? null : pick(this.saved.form, fields);
    this.saving = true;
    this.#clearErrors(fields);
    try {
      await this.app.host.setSettings(changes);
      this.#applySaved(await this.app.host.settings());
      this.app.error = null;
      if (undoes) this.app.toast('Undone.');
      else if (before !== null && !isEqual(before, pick(this.saved?.form ?? ({} as Form), fields))) {
        const action = { label: 'Undo', run: () => void this.#save(before, true) };
        this.app.toast(describeChange(changes), { action });
      }
      return true;
    } catch (error) {
      const byField = fieldErrors(error);
      const known = Object.fromEntries(Object.entries(byField).filter(([field]) => field in ROWS));
      const everywhere = Object.fromEntries(fields.map((field) => [field, errorMessage(error)]));
      this.errors = { ...this.errors, ...(Object.keys(known).length > 0 ? known : everywhere) };
      // A text stays for correction; a choice shows what applies.
      this.#showSaved(
        fields.filter((field) => isChosen(field, changes[field])),
        false,
      );
      return false;
    } finally {
      this.saving = false;
      this.#keepDrafts();
    }
  }

  #showSaved(fields: readonly FieldName[], clearErrors = true): void {
    if (this.form !== null && this.saved !== null) Object.assign(this.form, pick(this.saved.form, fields));
    if (clearErrors) this.#clearErrors(fields);
    this.#keepDrafts();
  }

  #clearErrors(fields: readonly FieldName[]): void {
    this.errors = Object.fromEntries(
      Object.entries(this.errors).filter(([field]) => !fields.includes(field as FieldName)),
    );
  }

  #kept = '';

  /** Hands what is not applied to the app. A window that closes has no time to. */
  #keepDrafts(): void {
    if (this.form === null) return;
    const values = pick($state.snapshot(this.form) as Form, this.changed);
    const drafts = this.changed.length === 0 ? '' : JSON.stringify({ values, errors: this.errors });
    if (drafts === this.#kept) return;
    this.#kept = drafts;
    void this.app.attempt(() => this.app.host.keepSettingDrafts(drafts));
  }

  #applySaved(settings: SettingsView): void {
    if (this.form !== null && this.saved !== null) this.form = rebase(this.form, this.saved.form, settings.form);
    else this.#restore(settings);
    this.saved = settings;
    if (this.form?.codex_path === settings.form.codex_path) this.codexCheck = null;
  }

  /** What was typed before the window closed. */
  #restore(settings: SettingsView): void {
    const { values, errors } = (settings.drafts === '' ? {} : JSON.parse(settings.drafts)) as {
      values?: Changes;
      errors?: Errors;
    };
    this.form = { ...settings.form, ...values };
    const pending = Object.keys(values ?? {}) as FieldName[];
    this.errors = Object.fromEntries(pending.map((field) => [field, errors?.[field] ?? NOT_APPLIED]));
    this.#kept = settings.drafts;
  }
}

const CHOSEN: readonly FieldName[] = ['listen', 'sandbox', 'reasoning', 'log_level', 'model', 'effort'];

/** Whether a field is chosen rather than typed. */
function isChosen(field: FieldName, value: unknown): boolean {
  return typeof value === 'boolean' || CHOSEN.includes(field);
}

function describeChange(changes: Changes): string {
  const fields = Object.keys(changes) as FieldName[];
  const [field] = fields;
  if (field === undefined || fields.length > 2) return `${fields.length} settings changed.`;
  const value = changes[field];
  if (typeof value === 'boolean') return `${ROWS[field].label}: turned ${value ? 'on' : 'off'}.`;
  return `${ROWS[field].label} changed.`;
}
