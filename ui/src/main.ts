import { mount } from 'svelte';
import App from './App.svelte';
import { isView, type Host } from './lib/host';

const search = new URLSearchParams(location.search);

function mountApp(host: Host): void {
  const target = document.getElementById('app');
  if (target === null) throw new Error('index.html has no #app');
  // As in the event `navigate`.
  const [view, ...place] = search.get('view')?.split('/') ?? [];
  mount(App, { target, props: { host, ...(isView(view) ? { view, place: place.join('/') } : {}) } });
}

if ('__TAURI_INTERNALS__' in window) {
  mountApp((await import('./lib/host-tauri')).tauriHost);
} else {
  // In a browser, for UI development and screenshots.
  const host = (await import('./lib/host-fake')).fakeFromUrl(search);
  mountApp(host);
  await (await import('./lib/fake/url-params')).applyUrlParams(search, host);
}
