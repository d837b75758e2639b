/** State shared by all views: the overview, the open view, the last screen-reader announcement and the last error. */

import { createContext } from 'svelte';
import type { Overview } from '../bindings/Overview';
import { knownAccount, signedInMessage } from './account';
import { Approvals } from './approvals.svelte';
import { errorMessage } from './format';
import { keysOf } from './shortcuts';
import { Toasts, type ToastAction } from './toasts.svelte';
import type { Filters } from './request-rows';
import { isView, type Host, type HostEvents, type Stop, type View } from './host';

export class AppStore {
  /** `null` until first loaded. */
  overview = $state.raw<Overview | null>(null);
  /** Why the overview could not be loaded; other calls may still work. */
  overviewError = $state<string | null>(null);
  view = $state<View>('status');
  /** The text of the polite live region. */
  announcement = $state('');
  /** The last failed call, shown until it is closed or another call succeeds. */
  error = $state<string | null>(null);
  readonly toasts = new Toasts();
  readonly approvals = new Approvals(this);
  /** The dialog of the window itself. */
  dialog = $state<'commands' | 'shortcuts' | null>(null);
  /**
   * What to open in the view: `new` for a new key, the id of a key in Connect, a page or setting of Settings, or the id of a
   * request, perhaps with `/undo` for the question whether to undo its changes. The view sets it back to `null`.
   */
  target = $state<string | null>(null);
  closeDialogOpen = $state(false);
  /** Something is dragged over the window. */
  dragging = $state(false);
  /** A folder that was dropped on the window, until Settings takes it. */
  droppedFolder = $state<string | null>(null);
  /** A call to start or stop the proxy is in flight. */
  changingState = $state(false);
  /** Filters that Requests takes over when it is open. */
  requestFilters = $state.raw<Partial<Filters> | null>(null);
  /** Incremented when code opens a view, so that its heading takes the focus. */
  focusRequests = $state(0);

  /** The last account that was known. */
  #account: string | null | undefined;

  constructor(readonly host: Host) {}

  /** Subscribes before loading, so no event is missed in between. Returns the unsubscribe function. */
  async start(): Promise<Stop> {
    const stops = await Promise.all([
      this.host.listen('overview', (overview) => this.#setOverview(overview)),
      this.host.listen('navigate', (place) => {
        const [view, ...target] = place.split('/');
        if (isView(view)) this.navigate(view, target.length === 0 ? null : target.join('/'));
        else if (view === 'approvals') this.approvals.show();
      }),
      this.host.listen('close_asked', () => (this.closeDialogOpen = true)),
      this.host.listen('drag', (dragging) => (this.dragging = dragging)),
      this.host.listen('folder_dropped', (folder) => this.#dropped(folder)),
    ]);
    await this.reload();
    return () => stops.forEach((stop) => stop());
  }

  #dropped(folder: string | null): void {
    this.dragging = false;
    if (folder === null) {
      this.toast('Drop a folder to make it a model.');
      return;
    }
    this.droppedFolder = folder;
    this.navigate('settings', 'folders');
  }

  async reload(): Promise<void> {
    try {
      this.#setOverview(await this.host.overview());
    } catch (error) {
      this.overviewError = errorMessage(error);
    }
  }

  #setOverview(overview: Overview): void {
    const account = knownAccount(overview);
    const message = signedInMessage(this.#account, account);
    if (account !== undefined) this.#account = account;
    if (message !== null) this.toast(message);
    this.overview = overview;
    this.overviewError = null;
    this.approvals.update(overview.approvals);
  }

  /** Opens a view, optionally at a place in it, and focuses its heading. */
  navigate(view: View, target: string | null = null): void {
    this.view = view;
    this.target = target;
    this.focusRequests += 1;
  }

  /** Opens Requests with these filters only. */
  showRequests(filters: Partial<Filters>): void {
    this.requestFilters = filters;
    this.navigate('requests');
  }

  /** Announces a text to screen readers. A repeated text gets a trailing space: an unchanged live region stays silent. */
  announce(text: string): void {
    this.announcement = this.announcement === text ? `${text}\u00a0` : text;
  }

  /** Shows a message for a while, and announces it. The action is offered as a button. */
  toast(text: string, { action }: { action?: ToastAction } = {}): void {
    this.toasts.add(text, action);
    this.announce(action === undefined ? text : `${text} ${action.label}: ${keysOf('undo')}`);
  }

  /** Copies something, and says so. */
  async copy(what: string, copy: () => Promise<void>): Promise<boolean> {
    const copied = await this.attempt(copy);
    if (copied) this.toast(`${what} copied.`);
    return copied;
  }

  /** Copies a text with a key, which leaves the clipboard again. */
  async copySecret(copy: () => Promise<void>): Promise<boolean> {
    const copied = await this.attempt(copy);
    if (copied) this.toast('Copied. Cleared in 90 s.');
    return copied;
  }

  /** Runs a call, shows its error, and returns whether it succeeded. */
  async attempt(call: () => Promise<unknown>): Promise<boolean> {
    try {
      await call();
      this.error = null;
      return true;
    } catch (error) {
      this.error = errorMessage(error);
      return false;
    }
  }

  /** Starts or stops the proxy, and returns whether that succeeded. */
  async setProxyRunning(running: boolean): Promise<boolean> {
    if (this.changingState) return false;
    this.changingState = true;
    const succeeded = await this.attempt(() => (running ? this.host.startProxy() : this.host.stopProxy()));
    this.changingState = false;
    if (succeeded) this.announce(running ? 'Proxy started.' : 'Proxy stopped.');
    return succeeded;
  }

  /** Subscribes to an event until the returned function is called; for use in an effect. */
  subscribe<E extends keyof HostEvents>(event: E, handler: (payload: HostEvents[E]) => void): Stop {
    let stopped = false;
    let unlisten: Stop = () => {};
    void this.host
      .listen(event, (payload) => !stopped && handler(payload))
      .then((stop) => {
        if (stopped) stop();
        else unlisten = stop;
      });
    return () => {
      stopped = true;
      unlisten();
    };
  }
}

export const [getAppStore, setAppStore] = createContext<AppStore>();
