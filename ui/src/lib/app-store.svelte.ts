/**
 * What all views share: how things are, which view is open, what was last said aloud, and what went wrong.
 *
 * Nothing here knows how a view looks.
 */

import { createContext } from 'svelte';
import type { Overview } from '../bindings/Overview';
import { isView, type Host, type HostEvents, type Stop, type View } from './host';
import { errorText } from './format';

export class App {
  /** `null` until the first answer. */
  overview = $state.raw<Overview | null>(null);
  /** Why there is no first answer; other calls may work all the same. */
  unknown = $state<string | null>(null);
  view = $state<View>('status');
  /** Read out by a screen reader, politely. */
  said = $state('');
  /** What was refused last; shown until it is closed or something else works. */
  trouble = $state<string | null>(null);
  /** Whether the dialog 'Keep running in the background?' is open. */
  closing = $state(false);
  /** A call to start or stop is on its way. */
  switching = $state(false);
  /** The window may only be moved to a view by code when somebody asked for it; then its heading gets the focus. */
  arrivals = $state(0);

  constructor(readonly host: Host) {}

  /** Listens first and asks then, so that nothing falls in between. Returns what ends the listening. */
  async start(): Promise<Stop> {
    const stops = await Promise.all([
      this.host.listen('overview', (overview) => this.#take(overview)),
      this.host.listen('navigate', (view) => isView(view) && this.go(view)),
      this.host.listen('close_asked', () => (this.closing = true)),
    ]);
    await this.reload();
    return () => stops.forEach((stop) => stop());
  }

  async reload(): Promise<void> {
    try {
      this.#take(await this.host.overview());
    } catch (error) {
      this.unknown = errorText(error);
    }
  }

  #take(overview: Overview): void {
    this.overview = overview;
    this.unknown = null;
  }

  /** Opens a view and puts the focus on its heading. */
  go(view: View): void {
    this.view = view;
    this.arrivals += 1;
  }

  /** Says a sentence to screen readers; the same one twice is heard twice. */
  say(text: string): void {
    this.said = this.said === text ? `${text}\u00a0` : text;
  }

  /** Runs a call, shows what it was refused for, and says whether it worked. */
  async attempt(call: () => Promise<unknown>): Promise<boolean> {
    try {
      await call();
      this.trouble = null;
      return true;
    } catch (error) {
      this.trouble = errorText(error);
      return false;
    }
  }

  async switchProxy(on: boolean): Promise<void> {
    if (this.switching) return;
    this.switching = true;
    const worked = await this.attempt(() => (on ? this.host.startProxy() : this.host.stopProxy()));
    this.switching = false;
    if (worked) this.say(on ? 'The proxy runs.' : 'The proxy is stopped.');
  }

  /** Hears an event for as long as an effect lives. */
  hear<E extends keyof HostEvents>(event: E, heard: (payload: HostEvents[E]) => void): Stop {
    let ended = false;
    let stop: Stop = () => {};
    void this.host
      .listen(event, (payload) => !ended && heard(payload))
      .then((ending) => {
        if (ended) ending();
        else stop = ending;
      });
    return () => {
      ended = true;
      stop();
    };
  }
}

export const [getApp, setApp] = createContext<App>();
