/** What the views show of the app's health, and what its fixes do. */

import { tick } from 'svelte';
import type { CodexView } from '../bindings/CodexView';
import type { Fix } from '../bindings/Fix';
import type { Health } from '../bindings/Health';
import type { Level } from '../bindings/Level';
import type { Overview } from '../bindings/Overview';
import type { AppStore } from './app-store.svelte';
import { formatCount, formatSince, plural } from './format';
import { formatReset } from './limits';

/** The colour of a status dot; empty is neutral. */
export type Tone = 'good' | 'warning' | 'error' | 'busy' | '';

export function healthTone(level: Level): Tone {
  switch (level) {
    case 'ok':
      return 'good';
    case 'working':
      return 'busy';
    case 'off':
      return '';
    case 'asking':
    case 'attention':
      return 'warning';
    case 'blocked':
      return 'error';
  }
}

/** Whether something needs the user. */
export function isProblem(level: Level): boolean {
  return level === 'asking' || level === 'attention' || level === 'blocked';
}

/** Whether the first start, while it is shown, says and fixes the same. */
export function isInSetup({ fix }: Health): boolean {
  return fix !== null && ['installCodex', 'chooseCodex', 'signIn', 'recheckCodex'].includes(fix.action);
}

/** Whether apps can be given the base URL: another program may own the port. */
export function ownsPort({ proxy }: Overview): boolean {
  return proxy.state !== 'portTaken' && proxy.state !== 'failed';
}

/** Why the address must not be given to an app now: whatever answers there is not this proxy. */
export function connectBlocked(overview: Overview | null): string | null {
  switch (overview?.proxy.state) {
    case 'portTaken':
      return `Another program is using port ${overview.proxy.port}, so this address isn't ours at present. Copying is off, so that no key reaches that program.`;
    case 'stopped':
    case 'stopping':
    case 'failed':
      return "The proxy isn't running, so this address isn't ours at present. Start it to copy and connect.";
    default:
      return null;
  }
}

/** Why no prompt can be sent now. */
export function sendBlocked(overview: Overview | null): string | null {
  if (overview === null) return 'Loading…';
  const { level, title } = overview.health;
  if (level === 'off') return 'Start the proxy to send a prompt.';
  return level === 'blocked' ? title : null;
}

/** The state as a sentence or two, to follow its title. */
export function healthDetail({ health }: Overview, now: number): string {
  const until = health.until === null ? '' : `Resets ${formatReset(health.until * 1000, now)}.`;
  return [health.detail, until].filter(Boolean).join(' ');
}

/** What runs since when: `Since 09:14 · 1 running`. */
export function activity(overview: Overview, now: number): string {
  const since = overview.proxy.state === 'running' ? formatSince(overview.proxy.since * 1000, now) : '';
  return [since, requestCounts(overview)].filter(Boolean).join(' · ');
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
      return codex.path === null
        ? { label: 'checking', tone: 'busy' }
        : { label: 'starts on first request', tone: 'good' };
    case 'starting':
      return { label: 'starting', tone: 'busy' };
    case 'ready':
      return { label: 'ready', tone: 'good' };
    case 'notFound':
      return { label: 'not found', tone: 'error' };
    case 'unsupported':
      return { label: 'too old', tone: 'error' };
    case 'notSignedIn':
      return { label: 'not signed in', tone: 'error' };
    case 'failed':
      return { label: "couldn't start", tone: 'error' };
  }
}

/** Applies a fix, and returns whether that succeeded. */
export async function applyFix(app: AppStore, { action }: Fix): Promise<boolean> {
  const { host } = app;
  switch (action) {
    case 'startProxy':
      return app.setProxyRunning(true);
    case 'useFreePort':
      return app.attempt(() => host.useFreePort());
    case 'recheckCodex':
      return app.attempt(() => host.recheckCodex());
    case 'chooseCodex':
      return app.attempt(async () => {
        const path = await host.pickCodex();
        if (path !== null) await host.setSetting('codex_path', path);
      });
    case 'openNetworkSettings':
      app.navigate('settings', 'network');
      return true;
    case 'showApprovals':
      app.approvals.show();
      return true;
    case 'showFiles':
      return app.attempt(() => host.openDataFolder());
    case 'showLimits':
      app.navigate('status');
      await tick();
      // Scrolls there, too.
      document.getElementById('limits')?.focus();
      return true;
    case 'installCodex':
      app.navigate('status');
      return app.attempt(() => host.reopenSetup());
    case 'signIn':
      app.navigate('status');
      return true;
  }
}
