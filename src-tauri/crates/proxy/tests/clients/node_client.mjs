// OpenAI's JavaScript library against a running proxy with the sample model: models, chats, streams and errors.
//
// `checks.py` explains how to run it. `python_client.py` has the same checks.

import { deepStrictEqual, ok } from "node:assert";

import OpenAI from "openai";

import { AGENT as MODEL, all, run, words } from "./checks.mjs";
import { SETTINGS, client, errorOf } from "./library.mjs";

const params = (prompt, more = {}) => ({
  model: MODEL,
  messages: [{ role: "user", content: prompt }],
  ...more,
});
const chat = (prompt, more, options) => client.chat.completions.create(params(prompt, more), options);

await run({
  async models() {
    const listed = await all(client.models.list());
    const ids = listed.map((model) => model.id);
    ok(ids.includes(MODEL), `codex-local must be listed: ${ids}`);
    ok(listed.every((model) => model.object === "model" && model.created > 0), JSON.stringify(listed));
    return { ids };
  },

  async retrieve() {
    const model = await client.models.retrieve(MODEL);
    deepStrictEqual([model.id, model.object], [MODEL, "model"]);
    const unknown = await errorOf(OpenAI.NotFoundError, () => client.models.retrieve("no-such-model"));
    deepStrictEqual(unknown.code, "model_not_found");
    return { id: model.id, owned_by: model.owned_by, unknown };
  },

  async complete() {
    const answer = await chat('[[say="Hello there" usage=20,5,7,2]]');
    const { message, finish_reason } = answer.choices[0];
    deepStrictEqual(answer.object, "chat.completion");
    deepStrictEqual([message.role, message.content, finish_reason], ["assistant", "Hello there", "stop"]);
    const { prompt_tokens, completion_tokens, total_tokens } = answer.usage;
    deepStrictEqual([prompt_tokens, completion_tokens, total_tokens], [20, 7, 27], "usage");
    deepStrictEqual(answer.usage.prompt_tokens_details.cached_tokens, 5, "cached tokens");
    deepStrictEqual(answer.usage.completion_tokens_details.reasoning_tokens, 2, "reasoning tokens");
    ok(answer._request_id, "an answer needs its x-request-id");
    return { text: message.content, model: answer.model, usage: answer.usage };
  },

  async stream() {
    const pace = 20;
    const options = { stream: true, stream_options: { include_usage: true } };
    const [texts, roles, finish_reasons, usages, arrivals, ids] = [[], [], [], [], [], new Set()];
    let chunks = 0;
    for await (const chunk of await chat(`[[words=10 every=${pace} usage=20,5,10,0]]`, options)) {
      chunks += 1;
      ids.add(JSON.stringify([chunk.id, chunk.object, chunk.created, chunk.model]));
      deepStrictEqual(usages, [], "the usage must come last");
      if (chunk.usage) {
        deepStrictEqual(chunk.choices, [], "choices of the chunk with the usage");
        usages.push(chunk.usage);
        continue;
      }
      const { delta, finish_reason } = chunk.choices[0];
      if (delta.role) roles.push(delta.role);
      if (delta.content) {
        texts.push(delta.content);
        arrivals.push(performance.now());
      }
      if (finish_reason) finish_reasons.push(finish_reason);
    }
    const spread = arrivals.at(-1) - arrivals[0];
    deepStrictEqual(texts, words(10), "one chunk per word");
    deepStrictEqual(roles, ["assistant"], "the role comes once");
    deepStrictEqual(finish_reasons, ["stop"]);
    deepStrictEqual(ids.size, 1, "id, object, created and model are the same in every chunk");
    deepStrictEqual(usages.map((usage) => usage.total_tokens), [30], "usage");
    // Half the model's pace: a busy machine may deliver late, but never early.
    ok(spread >= (9 * pace) / 2, `the words were not streamed: ${spread} ms from the first to the last`);
    return {
      text: texts.join(""),
      chunks,
      content_chunks: texts.length,
      finish_reasons,
      usage: usages[0],
      spread_ms: Math.round(spread),
    };
  },

  async stream_without_usage() {
    const chunks = await all(chat("[[words=2]]", { stream: true }));
    ok(chunks.every((chunk) => chunk.choices.length === 1), `every chunk has a choice: ${JSON.stringify(chunks)}`);
    ok(chunks.every((chunk) => !("usage" in chunk)), `usage was not requested: ${JSON.stringify(chunks)}`);
    return { chunks: chunks.length };
  },

  async stream_helper() {
    const more = { stream_options: { include_usage: true } };
    const prompt = '[[say="Grüße an 世界 🙂" reasoning=1 usage=20,5,10,3]]';
    const stream = client.chat.completions.stream(params(prompt, more));
    let [deltas, reasoning] = [0, ""];
    stream.on("content", () => (deltas += 1));
    // The helper does not support reasoning: of an unknown field it keeps only the last delta.
    stream.on("chunk", (chunk) => (reasoning += chunk.choices[0]?.delta.reasoning_content ?? ""));
    const final = await stream.finalChatCompletion();
    const { message, finish_reason } = final.choices[0];
    deepStrictEqual([message.role, message.content, finish_reason], ["assistant", "Grüße an 世界 🙂", "stop"]);
    deepStrictEqual(final.usage.total_tokens, 30, "usage");
    ok(reasoning, "the chunks carry the reasoning");
    return { text: message.content, deltas, reasoning, usage: final.usage };
  },

  async concurrent() {
    const one = async () => {
      const [times, texts] = [[], []];
      for await (const chunk of await chat("[[words=30 every=50]]", { stream: true })) {
        if (!chunk.choices[0].delta.content) continue;
        times.push(performance.now());
        texts.push(chunk.choices[0].delta.content);
      }
      deepStrictEqual(texts, words(30), "one chunk per word");
      return [times[0], times.at(-1)];
    };
    const started = performance.now();
    const answers = await Promise.all([one(), one(), one(), one()]);
    const ms = Math.round(performance.now() - started);
    // Each takes one and a half seconds, so none ends before the last has started.
    const lastStart = Math.max(...answers.map(([first]) => first));
    const ran_together = answers.filter(([, last]) => last >= lastStart).length;
    deepStrictEqual(ran_together, 4, `only ${ran_together} of 4 were running when the last started, ${ms} ms in total`);
    return { chats: answers.length, ran_together, ms };
  },

  async wrong_key() {
    const unauthorized = new OpenAI({ ...SETTINGS, apiKey: "sk-wrong" });
    const call = () => unauthorized.chat.completions.create(params("[[words=1]]"));
    const facts = await errorOf(OpenAI.AuthenticationError, call);
    deepStrictEqual([facts.status, facts.code], [401, "invalid_api_key"]);
    await errorOf(OpenAI.AuthenticationError, () => unauthorized.models.list());
    return facts;
  },

  async unknown_model() {
    const call = () => chat("[[words=1]]", { model: "no-such-model" });
    const facts = await errorOf(OpenAI.NotFoundError, call);
    deepStrictEqual([facts.code, facts.param], ["model_not_found", "model"]);
    return facts;
  },

  async no_messages() {
    const facts = await errorOf(OpenAI.BadRequestError, () => chat("", { messages: [] }));
    deepStrictEqual([facts.code, facts.param], ["invalid_request", "messages"]);
    return facts;
  },

  async unsupported_parameter() {
    const facts = await errorOf(OpenAI.BadRequestError, () => chat("[[words=1]]", { logprobs: true }));
    deepStrictEqual([facts.code, facts.param], ["unsupported_parameter", "logprobs"]);
    return facts;
  },

  async headers() {
    const own = { headers: { "x-request-id": "my-own-id" } };
    const answer = await chat("[[words=1]]", { temperature: 0.2 }, own).withResponse();
    const ignored = answer.response.headers.get("x-codex-proxy-ignored");
    deepStrictEqual(ignored, "temperature", "x-codex-proxy-ignored");
    deepStrictEqual(answer.request_id, "my-own-id", "the client's own x-request-id");
    deepStrictEqual(answer.data.choices[0].message.content, "word1 ");
    const plain = await chat("[[words=1]]").withResponse();
    deepStrictEqual(plain.response.headers.get("x-codex-proxy-ignored"), null, "nothing was ignored");
    ok(plain.request_id, "an answer needs its x-request-id");
    const streamed = await chat("[[words=1]]", { stream: true, top_p: 0.5 }).asResponse();
    deepStrictEqual(streamed.headers.get("x-codex-proxy-ignored"), "top_p", "x-codex-proxy-ignored of a stream");
    const contentType = streamed.headers.get("content-type");
    ok(contentType.startsWith("text/event-stream"), contentType);
    await streamed.text();
    return { ignored, own_request_id: answer.request_id, request_id: plain.request_id };
  },

  async reasoning() {
    const { message } = (await chat("[[words=3 reasoning=1]]")).choices[0];
    deepStrictEqual(message.content, "word1 word2 word3 ");
    ok(message.reasoning_content, "reasoning_content of a complete answer");
    let [reasoningText, seenText] = ["", false];
    for await (const chunk of await chat("[[words=3 reasoning=1]]", { stream: true })) {
      const { content, reasoning_content: piece } = chunk.choices[0].delta;
      ok(!(piece && seenText), "the reasoning comes before the text");
      reasoningText += piece ?? "";
      seenText ||= Boolean(content);
    }
    deepStrictEqual(reasoningText, message.reasoning_content, "reasoning_content of a stream");
    const without = (await chat("[[words=1]]")).choices[0].message;
    ok(!("reasoning_content" in without), "without reasoning the field is absent");
    return { text: message.content, reasoning: message.reasoning_content };
  },

  async schema() {
    const properties = { city: { type: "string" }, degrees: { type: "integer" } };
    const schema = { type: "object", properties, required: Object.keys(properties), additionalProperties: false };
    const response_format = { type: "json_schema", json_schema: { name: "weather", strict: true, schema } };
    const answer = await chat("How is the weather?", { response_format });
    const parsed = JSON.parse(answer.choices[0].message.content);
    deepStrictEqual([typeof parsed.city, Number.isInteger(parsed.degrees)], ["string", true]);
    return { parsed };
  },

  async closed_mid_stream() {
    let [read, closing] = [0, 0];
    for await (const chunk of await chat("[[words=200 every=50]]", { stream: true })) {
      if (chunk.choices[0].delta.content) read += 1;
      closing = performance.now();
      if (read === 3) break;
    }
    const ms = Math.round(performance.now() - closing);
    ok(ms < 2000, `closing took ${ms} ms: was the rest read?`);
    const next = await chat('[[say="Still here"]]');
    deepStrictEqual(next.choices[0].message.content, "Still here", "the next answer");
    return { read, ms };
  },

  async rate_limited() {
    const facts = await errorOf(OpenAI.RateLimitError, () => chat("[[status=429]]"));
    deepStrictEqual([facts.status, facts.code], [429, "rate_limit_exceeded"]);
    ok(Number(facts.retry_after) > 0, JSON.stringify(facts));
    const streamed = await errorOf(OpenAI.RateLimitError, () => all(chat("[[status=429]]", { stream: true })));
    deepStrictEqual(streamed.code, "rate_limit_exceeded", "a stream that fails immediately is an HTTP error too");
    return facts;
  },

  async quota_exhausted() {
    // A client with retries: it must see that retrying is pointless.
    let tries = 0;
    const counted = (...request) => {
      tries += 1;
      return fetch(...request);
    };
    const retrying = new OpenAI({ ...SETTINGS, maxRetries: 2, fetch: counted });
    const prompt = "[[status=429 type=usage_limit_reached limits=100,300,3600]]";
    const facts = await errorOf(OpenAI.RateLimitError, () => retrying.chat.completions.create(params(prompt)));
    deepStrictEqual([facts.code, tries], ["insufficient_quota", 1], "code and tries");
    ok(Number(facts.retry_after) > 3000, JSON.stringify(facts));
    return { ...facts, tries };
  },

  async fails_mid_stream() {
    let text = "";
    const facts = await errorOf(OpenAI.APIError, async () => {
      const prompt = "[[words=3 failed=context_length_exceeded]]";
      for await (const chunk of await chat(prompt, { stream: true })) text += chunk.choices[0].delta.content ?? "";
      return text;
    });
    deepStrictEqual(text, "word1 word2 word3 ", "what came before the error");
    deepStrictEqual(facts.code, "context_length_exceeded");
    return { ...facts, text };
  },
});
