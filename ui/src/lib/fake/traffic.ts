/** Believable requests for the fake host: a history, and new ones that arrive, stream and end. */

import type { ChartBar } from '../../bindings/ChartBar';
import type { ChartBy } from '../../bindings/ChartBy';
import type { ExchangeDetail } from '../../bindings/ExchangeDetail';
import type { ExchangeRow } from '../../bindings/ExchangeRow';
import type { Step } from '../../bindings/Step';
import { startOfDay } from '../format';

/** Numbers that look like chance and are the same each time, so that two screenshots can be compared. */
export function dice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** What a request is going to be; the row shows as much of it as has happened. */
export interface Plan {
  row: ExchangeRow;
  waitMs: number;
  firstMs: number;
  totalMs: number;
  ends: 'done' | 'failed' | 'stopped';
}

const CLIENTS = [
  { client: 'Open WebUI', key: 'Default', model: 'codex-local' },
  { client: 'Open WebUI', key: 'Default', model: 'gpt-6.1-sol' },
  { client: 'openai-python 2.8', key: 'Scripts', model: 'gpt-5.5' },
  { client: 'Continue', key: 'Work laptop', model: 'codex-local' },
  { client: 'curl 8.14', key: 'Scripts', model: 'codex-local' },
] as const;

export function idOf(at: number, n: number): string {
  return `${at.toString(16).padStart(12, '0')}-7${(n % 4096).toString(16).padStart(3, '0')}-8c1d`;
}

export function plan(at: number, n: number, roll: () => number): Plan {
  const from = CLIENTS[Math.floor(roll() * CLIENTS.length)] ?? CLIENTS[0];
  const background = from.client === 'Open WebUI' && roll() < 0.4;
  const odd = roll();
  const wrongModel = odd < 0.03;
  const waitMs = odd > 0.985 ? Math.round(200 + roll() * 1800) : 0;
  const firstMs = waitMs + Math.round(260 + roll() * 420);
  const agent = from.model === 'codex-local' && !background;
  const output = background ? 8 + Math.floor(roll() * 30) : 90 + Math.floor(roll() * 900);
  const input = background ? 180 + Math.floor(roll() * 300) : 1200 + Math.floor(roll() * 9000);
  return {
    waitMs,
    firstMs,
    totalMs: wrongModel ? 1 : firstMs + output * 9 + Math.round(roll() * 400),
    ends: wrongModel || odd < 0.06 ? 'failed' : odd < 0.1 ? 'stopped' : 'done',
    row: {
      id: idOf(at, n),
      requestId: `req_${idOf(at, n).replaceAll('-', '')}`,
      at,
      key: from.key,
      client: from.client,
      route: '/v1/chat/completions',
      model: wrongModel ? 'gpt-9' : background ? 'gpt-6-luna' : from.model,
      state: 'waiting',
      status: null,
      waitMs: null,
      firstMs: null,
      ownMs: null,
      totalMs: null,
      input,
      cached: background ? 0 : Math.floor(input * (0.5 + roll() * 0.45)),
      output,
      reasoning: background ? 0 : Math.floor(output * roll() * 0.5),
      commands: agent ? Math.floor(roll() * 4) : 0,
      background,
      code: wrongModel ? 'model_not_found' : odd < 0.06 ? 'codex_disconnected' : null,
      error: wrongModel
        ? "There is no model 'gpt-9'. /v1/models lists those that there are."
        : odd < 0.06
          ? 'codex ended during the turn.'
          : null,
    },
  };
}

/** The row as it is some milliseconds after its arrival. */
export function rowAt(of: Plan, elapsed: number): ExchangeRow {
  const { row } = of;
  const begun = elapsed >= of.waitMs;
  const first = elapsed >= of.firstMs;
  const ended = elapsed >= of.totalMs;
  const part =
    of.totalMs > of.firstMs ? Math.min(1, Math.max(0, (elapsed - of.firstMs) / (of.totalMs - of.firstMs))) : 0;
  const answered = first && !(ended && of.ends === 'failed');
  return {
    ...row,
    state: ended ? of.ends : first ? 'streaming' : 'waiting',
    status: ended || first ? (of.ends === 'failed' && ended ? (row.model === 'gpt-9' ? 404 : 502) : 200) : null,
    waitMs: begun ? of.waitMs : null,
    firstMs: answered ? of.firstMs : null,
    ownMs: answered ? 1 + (of.firstMs % 2) : null,
    totalMs: ended ? of.totalMs : null,
    input: answered ? row.input : null,
    cached: answered ? row.cached : null,
    output: answered ? Math.round((row.output ?? 0) * part) : null,
    reasoning: answered ? Math.round((row.reasoning ?? 0) * part) : null,
    commands: begun ? Math.round(row.commands * (first ? 1 : 0)) : 0,
    code: ended && of.ends === 'failed' ? row.code : null,
    error: ended && of.ends === 'failed' ? row.error : null,
  };
}

const COMMANDS = ['rg -n "fn main" src', 'sed -n 1,80p src/main.rs', 'cargo metadata --no-deps'];

export function detailOf(row: ExchangeRow, texts: boolean): ExchangeDetail {
  const wait = row.waitMs ?? 0;
  const steps: Step[] = [{ atMs: 0, what: 'Arrived', detail: `key ${row.key}`, bad: false }];
  if (wait > 0) steps.push({ atMs: wait, what: 'Got its place', detail: `after ${wait} ms in the queue`, bad: false });
  if (row.error !== null && row.firstMs === null) {
    steps.push({ atMs: row.totalMs ?? 1, what: `Refused with ${row.status ?? 502}`, detail: row.error, bad: true });
  } else {
    steps.push({
      atMs: wait + 2,
      what: 'Given to codex',
      detail: 'continued a warm thread (6 earlier messages kept)',
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
    if (row.firstMs !== null) steps.push({ atMs: row.firstMs, what: 'First token', detail: null, bad: false });
    if (row.totalMs !== null) {
      const what = row.state === 'stopped' ? 'The client went away' : row.state === 'failed' ? 'Failed' : 'Done';
      const detail = row.state === 'stopped' ? 'codex was interrupted at once' : (row.error ?? `${row.output} tokens`);
      steps.push({ atMs: row.totalMs, what, detail, bad: row.state === 'failed' });
    }
  }
  return {
    row,
    steps,
    requestText: texts ? 'What does main do?' : null,
    answerText: texts ? 'It parses the arguments, binds the port and serves until it is told to stop.' : null,
  };
}

export function chartOf(by: ChartBy, now: number): ChartBar[] {
  const roll = dice(by === 'hour' ? 7 : 11);
  const bars = by === 'hour' ? 24 : 30;
  const hourStart = now - (now % 3_600_000);
  return Array.from({ length: bars }, (_, index) => {
    const back = bars - 1 - index;
    const at = new Date(startOfDay(now));
    at.setDate(at.getDate() - back);
    const from = (by === 'hour' ? hourStart - back * 3_600_000 : at.getTime()) / 1000;
    const hour = new Date(from * 1000).getHours();
    const quiet = by === 'hour' ? hour < 7 || hour > 22 : new Date(from * 1000).getDay() % 6 === 0;
    const requests =
      back === 0 && by === 'day'
        ? 128
        : quiet
          ? Math.floor(roll() * 3)
          : Math.floor((by === 'hour' ? 18 : 150) * (0.25 + roll() * 0.75));
    return {
      from,
      requests,
      failed: back === 0 && by === 'day' ? 2 : Math.floor(requests * roll() * 0.08),
      input: requests * (1400 + Math.floor(roll() * 400)),
      output: requests * (240 + Math.floor(roll() * 120)),
      firstMs: requests === 0 ? null : 340 + Math.floor(roll() * 260),
    };
  });
}
