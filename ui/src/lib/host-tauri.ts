/** The one door to the Rust side. No other file imports `@tauri-apps/*`. */

import { Channel, invoke } from '@tauri-apps/api/core';
import { listen } from '@tauri-apps/api/event';
import type { TestPromptEvent } from '../bindings/TestPromptEvent';
import type { Host } from './host';

/** By how much this machine's clock is ahead of UTC: days begin at its midnight. */
const utcOffsetSeconds = () => -new Date().getTimezoneOffset() * 60;

export const tauriHost: Host = {
  overview: () => invoke('overview', { utcOffsetSeconds: utcOffsetSeconds() }),
  startProxy: () => invoke('start_proxy'),
  stopProxy: () => invoke('stop_proxy'),
  useFreePort: () => invoke('use_free_port'),
  lookAgain: () => invoke('look_again'),

  keys: () => invoke('keys'),
  createKey: (name, limits) => invoke('create_key', { name, limits }),
  limitKey: (id, limits) => invoke('limit_key', { id, limits }),
  copyKey: (id) => invoke('copy_key', { id }),
  showKey: (id) => invoke('show_key', { id }),
  revokeKey: (id) => invoke('revoke_key', { id }),

  recipes: (keyId) => invoke('recipes', { keyId }),
  copyPiece: (recipeId, index, keyId) => invoke('copy_piece', { recipeId, index, keyId }),
  listenOnDockerBridge: () => invoke('listen_on_docker_bridge'),
  checkConnection: () => invoke('check_connection'),

  settings: () => invoke('settings'),
  setSetting: (name, value) => invoke('set_setting', { name, value }),
  setSettings: (changes) => invoke('set_settings', { changes }),
  checkCodex: (path) => invoke('check_codex', { path }),
  pickCodex: () => invoke('pick_codex'),
  pickFolder: () => invoke('pick_folder'),

  exchanges: (query) => invoke('exchanges', { query }),
  exchangeDetail: (id) => invoke('exchange_detail', { id }),
  clearExchanges: () => invoke('clear_exchanges'),
  copyAsCurl: (id) => invoke('copy_as_curl', { id }),
  chart: (by) => invoke('chart', { by, utcOffsetSeconds: utcOffsetSeconds() }),

  sendTestPrompt: (prompt, onEvent) => {
    const events = new Channel<TestPromptEvent>(onEvent);
    return invoke('send_test_prompt', { prompt, events });
  },
  stopTestPrompt: () => invoke('stop_test_prompt'),

  copyText: (text) => invoke('copy_text', { text }),
  openLogFolder: () => invoke('open_log_folder'),
  copyDiagnostics: () => invoke('copy_diagnostics'),
  quit: () => invoke('quit'),
  answerClose: (keepRunning) => invoke('answer_close', { keepRunning }),

  listen: (event, heard) => listen(event, (message) => heard(message.payload as Parameters<typeof heard>[0])),
};
