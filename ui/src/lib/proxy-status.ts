/** Headings and labels for the state of the proxy and of Codex. */

import type { CodexView } from '../bindings/CodexView';
import type { Overview } from '../bindings/Overview';
import { formatCount, formatSince, plural } from './format';

/** The colour of a status dot; empty is neutral. */
export type Tone = 'good' | 'warning' | 'error' | 'busy' | '';

export interface ProxyStatus {
  /** One or two words, for the sidebar. */
  label: string;
  tone: Tone;
  /** The position of the Run switch. */
  on: boolean;
  /** The state is changing, so the switch is disabled. */
  busy: boolean;
}

export function proxyStatus(overview: Overview | null): ProxyStatus {
  if (overview === null) return { label: 'Loading', tone: '', on: false, busy: true };
  switch (overview.proxy.state) {
    case 'running':
      return { label: 'Running', tone: overview.problem ? 'warning' : 'good', on: true, busy: false };
    case 'stopping':
      return { label: 'Stopping', tone: 'warning', on: false, busy: true };
    case 'stopped':
      return { label: 'Stopped', tone: '', on: false, busy: false };
    case 'portTaken':
      return { label: 'Port taken', tone: 'error', on: false, busy: false };
    case 'failed':
      return { label: 'Not running', tone: 'error', on: false, busy: false };
  }
}

/** The heading of the status view. */
export function statusHeading(overview: Overview): string {
  switch (overview.proxy.state) {
    case 'stopping':
      return 'Stopping';
    case 'stopped':
      return 'Stopped';
    case 'portTaken':
      return `Port ${overview.proxy.port} is taken`;
    case 'failed':
      return "The proxy couldn't start";
    case 'running':
  }
  switch (overview.codex.state) {
    case 'notFound':
      return 'Codex not found';
    case 'unsupported':
      return 'Codex is too old';
    case 'notSignedIn':
      return "Codex isn't signed in";
    case 'failed':
      return "Codex couldn't start";
    case 'starting':
      return 'Starting Codex';
    case 'notStarted':
    case 'ready':
      return overview.problem ? 'Running, needs attention' : 'Running';
  }
}

/** The line below the heading. */
export function statusSummary(overview: Overview, now: number): string {
  const proxy = overview.proxy;
  switch (proxy.state) {
    case 'running':
      return `${formatSince(proxy.since * 1000, now)} · ${requestCounts(overview)}`;
    case 'stopping':
      return 'Waiting for answers in progress to finish.';
    case 'stopped':
      return "Apps can't connect until you start it.";
    case 'portTaken':
      return 'Another program is using this port.';
    case 'failed':
      return proxy.message;
  }
}

/** Running and queued requests. One that is still being read or rejected is neither, but counts in `runningNow`. */
function requestCounts(overview: Overview): string {
  const running = overview.answering > 0 ? `${formatCount(overview.answering)} running` : '';
  const queued = overview.waiting > 0 ? `${formatCount(overview.waiting)} queued` : '';
  if (running || queued) return [running, queued].filter(Boolean).join(', ');
  return overview.runningNow === 0 ? 'idle' : `${plural(overview.runningNow, 'request')} starting`;
}

export function codexStatus(codex: CodexView): { label: string; tone: Tone } {
  switch (codex.state) {
    case 'notStarted':
      return { label: 'starts on first request', tone: 'good' };
    case 'starting':
      return { label: 'starting', tone: 'busy' };
    case 'ready':
      return { label: 'ready', tone: 'good' };
    case 'notFound':
      return { label: 'not found', tone: 'error' };
    case 'unsupported':
      return { label: 'too old', tone: 'error' };
    case 'notSignedIn':
      return { label: 'not signed in', tone: 'warning' };
    case 'failed':
      return { label: "couldn't start", tone: 'error' };
  }
}
