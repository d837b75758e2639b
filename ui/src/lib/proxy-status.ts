/** How the state of the proxy and of codex is said; pure. */

import type { CodexView } from '../bindings/CodexView';
import type { Overview } from '../bindings/Overview';
import { count, plural, since } from './format';

export type Tone = 'good' | 'careful' | 'bad' | 'moving' | '';

export interface Shown {
  /** In a word or two, for the lower left. */
  word: string;
  tone: Tone;
  /** How the switch stands. */
  on: boolean;
  /** Whether it is on its way to another state. */
  busy: boolean;
}

export function stateOf(overview: Overview | null): Shown {
  if (overview === null) return { word: 'One moment', tone: '', on: false, busy: true };
  switch (overview.proxy.state) {
    case 'running':
      return { word: 'Running', tone: overview.problem ? 'careful' : 'good', on: true, busy: false };
    case 'stopping':
      return { word: 'Stopping', tone: 'careful', on: false, busy: true };
    case 'stopped':
      return { word: 'Stopped', tone: '', on: false, busy: false };
    case 'portTaken':
      return { word: 'Port taken', tone: 'bad', on: false, busy: false };
    case 'failed':
      return { word: 'Not running', tone: 'bad', on: false, busy: false };
  }
}

/** The heading of the status view: does it work? */
export function headline(overview: Overview): string {
  switch (overview.proxy.state) {
    case 'stopping':
      return 'Stopping';
    case 'stopped':
      return 'Stopped';
    case 'portTaken':
      return `Port ${overview.proxy.port} is taken`;
    case 'failed':
      return 'The proxy could not start';
    case 'running':
  }
  switch (overview.codex.state) {
    case 'notFound':
      return 'Codex is missing';
    case 'unsupported':
      return 'Codex is too old';
    case 'notSignedIn':
      return 'Codex is not signed in';
    case 'failed':
      return 'Codex does not start';
    case 'starting':
      return 'Starting codex';
    case 'notStarted':
    case 'ready':
      return overview.problem ? 'Running, with something to do' : 'Ready for requests';
  }
}

/** The line below the heading. */
export function subline(overview: Overview, now: number): string {
  const proxy = overview.proxy;
  switch (proxy.state) {
    case 'running': {
      return `Running ${since(proxy.since * 1000, now)} · ${traffic(overview)}`;
    }
    case 'stopping':
      return 'Answers that are being written may finish first.';
    case 'stopped':
      return 'Clients get no answer until the proxy runs.';
    case 'portTaken':
      return 'Another program answers there. It is left alone.';
    case 'failed':
      return proxy.message;
  }
}

/** How many are answered and wait now. A request that is only read or refused is neither. */
export function traffic(overview: Overview): string {
  const answering = overview.answering > 0 ? `${count(overview.answering)} answering` : '';
  const waiting = overview.waiting > 0 ? `${count(overview.waiting)} waiting for a place` : '';
  if (answering || waiting) return [answering, waiting].filter(Boolean).join(', ');
  return overview.runningNow === 0 ? 'no request is running' : `${plural(overview.runningNow, 'request')} running`;
}

/** Codex in two words and a tone. */
export function codexState(codex: CodexView): { word: string; tone: Tone } {
  switch (codex.state) {
    case 'notStarted':
      return { word: 'starts with the first request', tone: 'good' };
    case 'starting':
      return { word: 'starting', tone: 'moving' };
    case 'ready':
      return { word: 'ready', tone: 'good' };
    case 'notFound':
      return { word: 'not found', tone: 'bad' };
    case 'unsupported':
      return { word: 'too old', tone: 'bad' };
    case 'notSignedIn':
      return { word: 'not signed in', tone: 'careful' };
    case 'failed':
      return { word: 'does not start', tone: 'bad' };
  }
}
