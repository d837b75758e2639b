/** The playground's conversations: what is sent for them, and how they are held while the window is closed. */

import type { ChatMessage } from '../bindings/ChatMessage';
import type { ChatRequest } from '../bindings/ChatRequest';
import type { TokenCounts } from '../bindings/TokenCounts';

/** Conversations kept, newest first. */
export const MAX_CONVERSATIONS = 10;
/** Characters of all conversations together, below the limit of the app. */
const MAX_CHARACTERS = 2_000_000;
const MAX_TITLE = 60;

export type TurnState = 'waiting' | 'answering' | 'done' | 'stopped' | 'failed';

/** A prompt and its answer. */
export interface Turn {
  prompt: string;
  answer: string;
  reasoning: string;
  state: TurnState;
  /** Why it failed. */
  error: string | null;
  firstMs: number | null;
  totalMs: number | null;
  /** The model that answered; until then, the one that was asked. */
  model: string;
  /** Exact, once the answer is complete. */
  usage: TokenCounts | null;
}

export interface Conversation {
  id: number;
  model: string;
  system: string;
  turns: Turn[];
}

export function newTurn(prompt: string, model: string): Turn {
  return {
    prompt,
    model,
    answer: '',
    reasoning: '',
    state: 'waiting',
    error: null,
    firstMs: null,
    totalMs: null,
    usage: null,
  };
}

export function isBusy(turn: Turn | undefined): boolean {
  return turn?.state === 'waiting' || turn?.state === 'answering';
}

/** The first prompt, in one line. */
export function conversationTitle({ turns }: Conversation): string {
  const line = (turns[0]?.prompt ?? '').replace(/\s+/g, ' ').trim();
  if (line === '') return 'New conversation';
  return line.length > MAX_TITLE ? `${line.slice(0, MAX_TITLE - 1)}…` : line;
}

/** Its messages, up to the last prompt. Answers that failed before their first word are left out with their prompts. */
export function toRequest({ model, system, turns }: Conversation): ChatRequest {
  const messages: ChatMessage[] = [];
  if (system.trim() !== '') messages.push({ role: 'system', content: system });
  turns.forEach((turn, index) => {
    if (turn.answer === '' && index < turns.length - 1) return;
    messages.push({ role: 'user', content: turn.prompt });
    if (turn.answer !== '') messages.push({ role: 'assistant', content: turn.answer });
  });
  return { model, messages };
}

/** What could be copied as code: everything up to the last prompt, which the code asks again. */
export function toCodeRequest(conversation: Conversation): ChatRequest {
  const { model, messages } = toRequest(conversation);
  return { model, messages: messages.slice(0, messages.findLastIndex((message) => message.role === 'user') + 1) };
}

/** A rough count while no exact one is known: four characters a token. */
export function estimateTokens(text: string): number {
  return Math.ceil(text.length / 4);
}

/** As text for the app, without the oldest ones if they are too long. */
export function serialize(conversations: readonly Conversation[]): string {
  const kept = conversations.filter((one) => one.turns.length > 0).slice(0, MAX_CONVERSATIONS);
  for (;;) {
    const text = JSON.stringify(kept);
    if (text.length <= MAX_CHARACTERS || kept.length === 0) return text;
    kept.pop();
  }
}

/** What `serialize` returned, from this or an earlier window. Answers that were under way then have ended. */
export function parse(text: string): Conversation[] {
  if (text === '') return [];
  const conversations = JSON.parse(text) as Conversation[];
  for (const turn of conversations.flatMap((one) => one.turns)) if (isBusy(turn)) turn.state = 'stopped';
  return conversations;
}
