// OpenAI's JavaScript library, configured for the check scripts.

import { deepStrictEqual, ok } from "node:assert";

import OpenAI from "openai";

import { API_KEY, BASE_URL, PLAIN } from "./checks.mjs";

// Retries by the library would hide the proxy's response; the check for retries creates its own client.
export const SETTINGS = { baseURL: BASE_URL, apiKey: API_KEY, maxRetries: 0, timeout: 60_000 };
export const client = new OpenAI(SETTINGS);

/** The details of the error that `call` must raise. */
export async function errorOf(kind, call) {
  let answer;
  try {
    answer = await call();
  } catch (error) {
    if (!(error instanceof OpenAI.APIError)) throw error;
    deepStrictEqual(error.constructor.name, kind.name, `error class: ${error}`);
    const { code, param, type } = error;
    const facts = { class: kind.name, code, param, type, message: error.error.message };
    if (error.status === undefined) return facts;
    ok(error.requestID, "an error needs its x-request-id");
    return { ...facts, status: error.status, retry_after: error.headers.get("retry-after") };
  }
  throw new Error(`expected ${kind.name}, got ${JSON.stringify(answer)}`);
}

/** The details of an error that is raised before the answer has started. */
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

/** Creates a chat completion; a string is sent as the only message. */
export const chat = (messages, more = {}) =>
  client.chat.completions.create({
    model: PLAIN,
    messages: typeof messages === "string" ? [user(messages)] : messages,
    ...more,
  });

/** The only choice of an answer. */
export function only(answer) {
  deepStrictEqual(answer.choices.length, 1, "choices");
  return answer.choices[0];
}
