// The Vercel AI SDK with its OpenAI-compatible provider, against a running proxy.
//
// `checks.py` explains how to run it.

import { deepStrictEqual, ok } from "node:assert";

import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, Output, generateObject, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

import { API_KEY, BASE_URL, IMAGE, PLAIN, PNG, all, run, words } from "./checks.mjs";

const provider = (more = {}) =>
  createOpenAICompatible({ name: "codex-proxy", baseURL: BASE_URL, apiKey: API_KEY, includeUsage: true, ...more });
const structured = provider({ supportsStructuredOutputs: true });
const model = structured(PLAIN);
// As the SDK treats an unknown provider: it requests json_object and puts the schema into the prompt.
const unstructured = provider()(PLAIN);

const params = (prompt, more = {}) => ({ model, prompt, maxRetries: 0, ...more });

const Weather = z.object({ city: z.string(), degrees: z.number() });
const weather = { city: "Köln", degrees: 7 };
const saying = (value) => `[[say=${JSON.stringify(JSON.stringify(value))}]]`;

// Two rounds of calls, then an answer.
const LOOP =
  'Weather? [[tool=get_weather:{"city": "Köln"} tool=get_time:{} then tool=get_weather:{"city":"Bonn"} then say="Both are fine."]]';
const ROUNDS = [
  [["get_weather", { city: "Köln" }], ["get_time", {}]],
  [["get_weather", { city: "Bonn" }]],
  [],
];
const tools = {
  get_weather: tool({
    description: "The weather of a city.",
    inputSchema: z.object({ city: z.string() }),
    execute: ({ city }) => `${city}: fine`,
  }),
  get_time: tool({ inputSchema: z.object({}), execute: () => "noon" }),
};
const calls = (steps) => steps.map((step) => step.toolCalls.map((call) => [call.toolName, call.input]));
const outputs = (steps) => steps.flatMap((step) => step.toolResults.map((result) => result.output));

/** Collects a stream's errors, which would otherwise only be parts of it. */
function streaming(request) {
  const errors = [];
  const result = streamText({ ...request, onError: ({ error }) => errors.push(error) });
  return { result, errors };
}

await run({
  async generate_text() {
    const request = params('[[say="Hello there" usage=20,5,7,2]]', { system: "Be brief." });
    const { text, finishReason, usage, response } = await generateText(request);
    deepStrictEqual([text, finishReason], ["Hello there", "stop"]);
    deepStrictEqual([usage.inputTokens, usage.outputTokens, usage.totalTokens], [20, 7, 27], "usage");
    deepStrictEqual(usage.inputTokenDetails.cacheReadTokens, 5, "cached tokens");
    deepStrictEqual(usage.outputTokenDetails.reasoningTokens, 2, "reasoning tokens");
    return { model: response.modelId };
  },

  async stream_text() {
    const { result, errors } = streaming(params("[[words=5 reasoning=1 usage=20,5,10,3]]"));
    const parts = await all(result.fullStream);
    const deltas = parts.filter((part) => part.type === "text-delta").map((part) => part.text);
    deepStrictEqual([deltas, errors], [words(5), []], "one part per word");
    deepStrictEqual([await result.text, await result.finishReason], [words(5).join(""), "stop"]);
    deepStrictEqual((await result.usage).totalTokens, 30, "usage");
    return { parts: parts.map((part) => part.type) };
  },

  async reasoning() {
    const { text, reasoningText } = await generateText(params("[[words=2 reasoning=1]]"));
    deepStrictEqual(text, words(2).join(""));
    ok(reasoningText.includes("Step 1"), reasoningText);
    const { result, errors } = streaming(params("[[words=2 reasoning=1]]"));
    deepStrictEqual([await result.reasoningText, await result.text, errors], [reasoningText, text, []]);
    return { reasoning: reasoningText };
  },

  async tool_loop() {
    const { text, steps, finishReason } = await generateText(params(LOOP, { tools, stopWhen: stepCountIs(5) }));
    deepStrictEqual(calls(steps), ROUNDS);
    deepStrictEqual(outputs(steps), ["Köln: fine", "noon", "Bonn: fine"]);
    deepStrictEqual([text, finishReason], ["Both are fine.", "stop"]);
    return { steps: steps.length };
  },

  async streamed_tool_loop() {
    const { result, errors } = streaming(params(LOOP, { tools, stopWhen: stepCountIs(5) }));
    const steps = await result.steps;
    deepStrictEqual([calls(steps), errors], [ROUNDS, []]);
    deepStrictEqual(outputs(steps), ["Köln: fine", "noon", "Bonn: fine"]);
    deepStrictEqual(await result.text, "Both are fine.");
    return { steps: steps.length };
  },

  async tool_choice() {
    const options = { tools, toolChoice: { type: "tool", toolName: "get_time" } };
    const { toolCalls, finishReason } = await generateText(params("[[tool=get_time:{}]]", options));
    deepStrictEqual([toolCalls.map((call) => call.toolName), finishReason], [["get_time"], "tool-calls"]);
    const none = await generateText(params("[[echo]]", { tools, toolChoice: "none" }));
    const seen = JSON.parse(none.text).tools;
    ok(!seen.includes("get_time") && !seen.includes("get_weather"), `none: ${seen}`);
  },

  async object() {
    const output = Output.object({ schema: Weather });
    const { output: generated } = await generateText(params("How is the weather?", { output }));
    deepStrictEqual([typeof generated.city, typeof generated.degrees], ["string", "number"], "by json_schema");
    const { object } = await generateObject(params("How is the weather?", { schema: Weather }));
    deepStrictEqual(object, generated, "generateObject");
    const { result, errors } = streaming(params("How is the weather?", { output }));
    const partial = await all(result.partialOutputStream);
    deepStrictEqual([await result.output, partial.at(-1), errors], [generated, generated, []], "from a stream");
    const withoutSchema = await generateText(params(saying(weather), { model: unstructured, output }));
    deepStrictEqual(withoutSchema.output, weather, "by json_object");
    return { generated };
  },

  async object_after_tools() {
    const prompt = `[[tool=get_weather:{"city":"Köln"} then ${saying(weather).slice(2)}`;
    const output = Output.object({ schema: Weather });
    const request = params(prompt, { tools, output, stopWhen: stepCountIs(5) });
    const { output: object, steps } = await generateText(request);
    deepStrictEqual([object, calls(steps)], [weather, [[["get_weather", { city: "Köln" }]], []]]);
    return { object };
  },

  async image() {
    const parts = [
      { type: "file", data: PNG, mediaType: "image/png" },
      { type: "file", data: Buffer.from(PNG, "base64"), mediaType: "image" },
      { type: "file", data: IMAGE, mediaType: "image/png" },
    ];
    for (const part of parts) {
      const content = [{ type: "text", text: "[[echo]]" }, part];
      const { text } = await generateText({ model, maxRetries: 0, messages: [{ role: "user", content }] });
      const input = JSON.parse(text).input;
      deepStrictEqual(input.at(-1), ["user", "[[echo]]\n[image]"], part.mediaType);
    }
    return { forms: parts.length };
  },

  async limits() {
    const stopped = await generateText(params("[[words=9]]", { stopSequences: ["word3"] }));
    deepStrictEqual([stopped.text, stopped.finishReason], [words(2).join(""), "stop"]);
    const limited = await generateText(params("[[words=50 every=5]]", { maxOutputTokens: 7 }));
    deepStrictEqual(limited.finishReason, "length");
    return { text: limited.text };
  },

  async completion_model() {
    const completions = structured.completionModel(PLAIN);
    const { text, finishReason } = await generateText(params("[[words=3]]", { model: completions }));
    deepStrictEqual([text, finishReason], [words(3).join(""), "stop"]);
  },

  async errors() {
    const unknown = structured("no-such-model");
    const error = await generateText(params("Hi", { model: unknown })).then(
      () => undefined,
      (caught) => caught,
    );
    ok(APICallError.isInstance(error), `${error}`);
    deepStrictEqual([error.statusCode, error.data.error.code], [404, "model_not_found"]);
    deepStrictEqual(error.message, error.data.error.message, "the proxy's message");
    const { result, errors } = streaming(params("[[words=3 failed=context_length_exceeded]]"));
    const parts = await all(result.fullStream);
    const deltas = parts.filter((part) => part.type === "text-delta").map((part) => part.text);
    deepStrictEqual([deltas, errors.length], [words(3), 1], "the partial answer and the error");
    return { message: error.message };
  },
});
