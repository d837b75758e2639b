/** The playground's state, which outlives the view: the last conversations, and the answer under way. */

import type { CodeLanguage } from '../bindings/CodeLanguage';
import type { PlaygroundEvent } from '../bindings/PlaygroundEvent';
import type { AppStore } from './app-store.svelte';
import {
  isBusy,
  MAX_CONVERSATIONS,
  newTurn,
  parse,
  serialize,
  toCodeRequest,
  toRequest,
  type Conversation,
  type Turn,
} from './conversations';
import { modelOf } from './folders';
import { errorMessage } from './format';

/** Always there, whatever Codex's own models are. */
export const CODEX_LOCAL = 'codex-local';
/** Tokens are drawn in batches, so that a long answer is not formatted again for each. */
const FLUSH_INTERVAL_MS = 80;

export class Playground {
  /** Newest first; never empty. */
  conversations = $state<Conversation[]>([{ id: 1, model: CODEX_LOCAL, system: '', turns: [] }]);
  currentId = $state(1);
  /** The prompt being written. */
  draft = $state('');
  models = $state.raw<string[]>([CODEX_LOCAL]);

  current = $derived(this.conversations.find((one) => one.id === this.currentId) ?? this.conversations[0]!);
  /** The answer under way, which may be in another conversation. */
  running = $derived(this.conversations.flatMap((one) => one.turns).find(isBusy));

  /** Incremented per prompt, so that late events of a stopped one are dropped. */
  #run = 0;
  #nextId = 2;
  #pending: PlaygroundEvent[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #loaded = false;

  constructor(readonly app: AppStore) {}

  /** Loads the models and, the first time, the conversations of the window before this one. */
  async load(): Promise<void> {
    if (!this.#loaded) {
      this.#loaded = true;
      await this.app.attempt(async () => this.#restore(parse(await this.app.host.conversations())));
    }
    try {
      const { models, form } = await this.app.host.settings();
      const folders = form.folders.map(modelOf);
      const ids = [CODEX_LOCAL, ...folders, ...models.map((model) => model.id), ...Object.keys(form.model_aliases)];
      this.models = [...new Set(ids)];
    } catch {
      // codex-local is always there.
    }
  }

  #restore(earlier: Conversation[]): void {
    if (earlier.length === 0) return;
    this.#nextId = Math.max(this.#nextId, ...earlier.map((one) => one.id + 1));
    const mine = this.conversations.filter((one) => one.turns.length > 0);
    for (const one of mine) one.id = this.#nextId++;
    this.conversations = [...mine, ...earlier].slice(0, MAX_CONVERSATIONS);
    this.currentId = this.conversations[0]!.id;
  }

  /** Starts a conversation with the model and the system prompt of the current one. */
  startNew(): void {
    const { model, system, turns } = this.current;
    if (turns.length === 0) return;
    const id = this.#nextId++;
    const kept = this.conversations.filter((one) => one.turns.length > 0).slice(0, MAX_CONVERSATIONS - 1);
    this.conversations = [{ id, model, system, turns: [] }, ...kept];
    this.currentId = id;
  }

  /** Sends a prompt, unless an answer is under way. */
  async send(prompt: string): Promise<void> {
    if (this.running !== undefined || prompt.trim() === '') return;
    const conversation = this.current;
    conversation.turns.push(newTurn(prompt, conversation.model));
    const turn = conversation.turns.at(-1)!;
    this.#keep();
    const run = ++this.#run;
    const end = (event: PlaygroundEvent) => {
      this.#flush(turn);
      this.#apply(turn, event);
      this.#keep();
    };
    try {
      await this.app.host.sendPrompt($state.snapshot(toRequest(conversation)), (event) => {
        if (run !== this.#run) return;
        if (event.kind === 'done' || event.kind === 'failed') return end(event);
        this.#pending.push(event);
        this.#timer ??= setTimeout(() => this.#flush(turn), FLUSH_INTERVAL_MS);
      });
    } catch (error) {
      if (run === this.#run) end({ kind: 'failed', message: errorMessage(error) });
    }
  }

  async stop(): Promise<void> {
    const turn = this.running;
    if (turn === undefined) return;
    this.#run += 1;
    this.#flush(turn);
    turn.state = 'stopped';
    this.#keep();
    this.app.announce('Stopped.');
    await this.app.attempt(() => this.app.host.stopPrompt());
  }

  /** Takes back the last prompt, whose answer failed or was stopped, and sends it again. */
  async retry(): Promise<void> {
    const turn = this.running === undefined ? this.current.turns.pop() : undefined;
    if (turn !== undefined) await this.send(turn.prompt);
  }

  /** The cause of an error may be gone: takes it off, and puts its prompt back to be sent again. */
  clearErrors(): void {
    const turns = this.current.turns;
    const last = turns.at(-1);
    if (last?.state !== 'failed') return;
    last.error = null;
    if (last.answer !== '' || last.reasoning !== '') {
      last.state = 'stopped';
      return;
    }
    turns.pop();
    if (this.draft === '') this.draft = last.prompt;
  }

  copyAs(language: CodeLanguage): Promise<void> {
    return this.app.host.copyConversation(language, $state.snapshot(toCodeRequest(this.current)));
  }

  #flush(turn: Turn): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const event of this.#pending.splice(0)) this.#apply(turn, event);
  }

  #apply(turn: Turn, event: PlaygroundEvent): void {
    switch (event.kind) {
      case 'reasoning':
        turn.reasoning += event.text;
        break;
      case 'text':
        turn.answer += event.text;
        turn.firstMs ??= event.firstMs;
        turn.state = 'answering';
        break;
      case 'done':
        turn.firstMs = event.firstMs;
        turn.totalMs = event.totalMs;
        turn.model = event.model;
        turn.usage = event.usage;
        turn.state = 'done';
        this.app.announce(`Answer: ${turn.answer}`);
        break;
      case 'failed':
        turn.error = event.message;
        turn.state = 'failed';
        break;
    }
  }

  /** Gives the conversations to the app, which holds them in memory while the window is closed. */
  #keep(): void {
    void this.app.host.keepConversations(serialize($state.snapshot(this.conversations))).catch(() => {});
  }
}
