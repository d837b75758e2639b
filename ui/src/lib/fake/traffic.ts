/** Realistic requests for the fake host, past and live. */

import { SAMPLE_PICTURE } from './picture';
import type { ExchangeDetail } from '../../bindings/ExchangeDetail';
import type { ExchangeRow } from '../../bindings/ExchangeRow';
import type { Step } from '../../bindings/Step';

/** Reproducible, so that screenshots can be compared. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** How a request will go; `rowAfter` shows as much of it as has happened. */
export interface PlannedRequest {
  row: ExchangeRow;
  waitMs: number;
  firstMs: number;
  totalMs: number;
  outcome: 'done' | 'failed' | 'stopped';
}

const CLIENTS = [
  { app: 'Open WebUI', client: 'Python/3.11 aiohttp/3.14.5', key: 'Default', model: 'codex-local' },
  { app: 'Open WebUI', client: 'Python/3.11 aiohttp/3.14.5', key: 'Default', model: 'gpt-6.1-sol' },
  { app: 'OpenAI Python', client: 'AsyncOpenAI/Python 2.8.1', key: 'Scripts', model: 'gpt-5.5' },
  { app: 'Continue', client: 'Continue/1.2.0', key: 'Work laptop', model: 'codex-local' },
  { app: 'curl', client: 'curl/8.14.1', key: 'Scripts', model: 'codex-local' },
] as const;

export function idFor(at: number, n: number): string {
  return `${at.toString(16).padStart(12, '0')}-7${(n % 4096).toString(16).padStart(3, '0')}-8c1d`;
}

export function planRequest(at: number, n: number, random: () => number): PlannedRequest {
  const client = CLIENTS[Math.floor(random() * CLIENTS.length)] ?? CLIENTS[0];
  const background = client.app === 'Open WebUI' && random() < 0.4;
  const chance = random();
  const wrongModel = chance < 0.03;
  const waitMs = chance > 0.985 ? Math.round(200 + random() * 1800) : 0;
  const firstMs = waitMs + Math.round(260 + random() * 420);
  const agent = client.model === 'codex-local' && !background;
  const picture = client.app === 'Open WebUI' && !background && n % 3 === 0;
  const output = background ? 8 + Math.floor(random() * 30) : 90 + Math.floor(random() * 900);
  const input = background ? 180 + Math.floor(random() * 300) : 1200 + Math.floor(random() * 9000);
  return {
    waitMs,
    firstMs,
    totalMs: wrongModel ? 1 : firstMs + output * 9 + Math.round(random() * 400),
    outcome: wrongModel || chance < 0.06 ? 'failed' : chance < 0.1 ? 'stopped' : 'done',
    row: {
      id: idFor(at, n),
      requestId: `req_${idFor(at, n).replaceAll('-', '')}`,
      at,
      key: client.key,
      client: client.client,
      app: client.app,
      route: picture ? '/v1/images/generations' : '/v1/chat/completions',
      model: wrongModel ? 'gpt-9' : background ? 'gpt-6-luna' : client.model,
      state: 'waiting',
      status: null,
      waitMs: null,
      firstMs: null,
      ownMs: null,
      totalMs: null,
      input,
      cached: background ? 0 : Math.floor(input * (0.5 + random() * 0.45)),
      output,
      reasoning: background ? 0 : Math.floor(output * random() * 0.5),
      commands: agent ? Math.floor(random() * 4) : 0,
      filesChanged: agent && n % 3 === 0 ? 4 : 0,
      background,
      code: wrongModel ? 'model_not_found' : chance < 0.06 ? 'codex_disconnected' : null,
      error: wrongModel
        ? "The model 'gpt-9' does not exist. See /v1/models for a list."
        : chance < 0.06
          ? 'Codex exited during the answer.'
          : null,
    },
  };
}

/** The row `elapsed` milliseconds after the request arrived. */
export function rowAfter(planned: PlannedRequest, elapsed: number): ExchangeRow {
  const { row } = planned;
  const admitted = elapsed >= planned.waitMs;
  const started = elapsed >= planned.firstMs;
  const ended = elapsed >= planned.totalMs;
  const progress =
    planned.totalMs > planned.firstMs
      ? Math.min(1, Math.max(0, (elapsed - planned.firstMs) / (planned.totalMs - planned.firstMs)))
      : 0;
  const answered = started && !(ended && planned.outcome === 'failed');
  return {
    ...row,
    state: ended ? planned.outcome : started ? 'streaming' : 'waiting',
    status:
      ended || started ? (planned.outcome === 'failed' && ended ? (row.model === 'gpt-9' ? 404 : 502) : 200) : null,
    waitMs: admitted ? planned.waitMs : null,
    firstMs: answered ? planned.firstMs : null,
    ownMs: answered ? 1 + (planned.firstMs % 2) : null,
    totalMs: ended ? planned.totalMs : null,
    input: answered ? row.input : null,
    cached: answered ? row.cached : null,
    output: answered ? Math.round((row.output ?? 0) * progress) : null,
    reasoning: answered ? Math.round((row.reasoning ?? 0) * progress) : null,
    commands: admitted ? Math.round(row.commands * (started ? 1 : 0)) : 0,
    filesChanged: ended ? row.filesChanged : 0,
    code: ended && planned.outcome === 'failed' ? row.code : null,
    error: ended && planned.outcome === 'failed' ? row.error : null,
  };
}

const COMMANDS = ['rg -n "fn main" src', 'sed -n 1,80p src/main.rs', 'cargo metadata --no-deps'];

const END_STEPS: Record<string, string> = {
  stopped: 'App disconnected',
  cancelled: 'Stopped by you',
  failed: 'Failed',
};

export function requestDetail(row: ExchangeRow, keepTexts: boolean): ExchangeDetail {
  const wait = row.waitMs ?? 0;
  const steps: Step[] = [{ atMs: 0, what: 'Arrived', detail: `key ${row.key}`, bad: false }];
  if (wait > 0) steps.push({ atMs: wait, what: 'Admitted', detail: `after ${wait} ms in the queue`, bad: false });
  if (row.error !== null && row.firstMs === null) {
    steps.push({ atMs: row.totalMs ?? 1, what: 'Failed', detail: null, bad: true });
  } else {
    steps.push({
      atMs: wait + 2,
      what: 'Sent to Codex',
      detail: 'continued a cached thread (6 messages)',
      bad: false,
    });
    for (let n = 0; n < row.commands; n += 1) {
      const atMs = wait + 90 + n * 70;
      steps.push({
        atMs,
        what: 'Ran a command',
        detail: `${COMMANDS[n % COMMANDS.length]}: exit code ${n === 2 ? 101 : 0}, 1.2 s`,
        bad: n === 2,
      });
    }
    if (row.filesChanged > 0 && row.totalMs !== null) {
      const [asked, answered] = [wait + 320, wait + 9_420];
      steps.push(
        { atMs: asked, what: 'Codex asked you', detail: 'npm install', bad: false },
        { atMs: answered, what: 'Allowed by you', detail: 'npm install, after 9 s', bad: false },
        { atMs: answered + 20, what: 'Codex asked you', detail: 'git push', bad: false },
        { atMs: answered + 4_020, what: 'Denied by you', detail: 'git push, after 4 s', bad: true },
        { atMs: answered + 4_100, what: `${row.filesChanged} files changed`, detail: null, bad: false },
      );
    }
    if (row.firstMs !== null) steps.push({ atMs: row.firstMs, what: 'First token', detail: null, bad: false });
    if (row.totalMs !== null) {
      const what = END_STEPS[row.state] ?? 'Done';
      steps.push({ atMs: row.totalMs, what, detail: null, bad: row.state === 'failed' });
    }
  }
  const picture = row.route.startsWith('/v1/images/');
  const texts = picture
    ? { request: 'A check mark on a tile', answer: 'Picture: A check mark on a tile' }
    : {
        request: 'What does main do?',
        answer: 'It parses the arguments, binds the port and serves until it is stopped.',
      };
  return {
    row,
    steps,
    requestText: keepTexts ? texts.request : null,
    answerText: keepTexts ? texts.answer : null,
    pictures: keepTexts && picture ? [SAMPLE_PICTURE] : [],
    chat:
      row.model === 'codex-local' && row.state === 'done'
        ? { thread: '01a218d9-20be-7b50-bb12-0c4dd165e8e6', folder: '/home/me/projects/web' }
        : null,
    changes: null,
    review: null,
  };
}
