// OpenAI's library for JavaScript, set up for the scripts that check it.

import { deepStrictEqual, ok } from "node:assert";

import OpenAI from "openai";

import { API_KEY, BASE_URL, PLAIN } from "./checks.mjs";

// The library would try again by itself and hide what the proxy said; the one check about that makes its own client.
export const SETTINGS = { baseURL: BASE_URL, apiKey: API_KEY, maxRetries: 0, timeout: 60_000 };
export const client = new OpenAI(SETTINGS);

/** The facts of the error that `call` must raise. */
export async function errorOf(kind, call) {
  let answer;
  try {
    answer = await call();
  } catch (error) {
    if (!(error instanceof OpenAI.APIError)) throw error;
    deepStrictEqual(error.constructor.name, kind.name, `class of the error: ${error}`);
    const { code, param, type } = error;
    const facts = { class: kind.name, code, param, type, message: error.error.message };
    if (error.status === undefined) return facts;
    ok(error.requestID, "an error needs its x-request-id");
    return { ...facts, status: error.status, retry_after: error.headers.get("retry-after") };
  }
  throw new Error(`expected ${kind.name}, got ${JSON.stringify(answer)}`);
}

/** The facts of an error that is told before the answer has begun. */
export async function errorOfAnyStatus(call) {
  let answer;
  try {
    answer = await call();
  } catch (error) {
    if (!(error instanceof OpenAI.APIError && error.status)) throw error;
    return { status: error.status, code: error.code, message: error.error.message };
  }
  throw new Error(`expected an error, got ${JSON.stringify(answer)}`);
}

export const user = (content) => ({ role: "user", content });

/** A chat; a text is its one message. */
export const chat = (messages, more = {}) =>
  client.chat.completions.create({
    model: PLAIN,
    messages: typeof messages === "string" ? [user(messages)] : messages,
    ...more,
  });

/** The one choice of an answer. */
export function only(answer) {
  deepStrictEqual(answer.choices.length, 1, "choices");
  return answer.choices[0];
}
