// The Vercel AI SDK with its provider for APIs like OpenAI's, against a running proxy.
//
// `checks.py` says how it is run.

import { deepStrictEqual, ok } from "node:assert";

import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, Output, generateObject, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

import { API_KEY, BASE_URL, IMAGE, PLAIN, PNG, all, run, words } from "./checks.mjs";

const provider = (more = {}) =>
  createOpenAICompatible({ name: "codex-proxy", baseURL: BASE_URL, apiKey: API_KEY, includeUsage: true, ...more });
const structured = provider({ supportsStructuredOutputs: true });
const model = structured(PLAIN);
// As the SDK treats a provider of which it knows nothing: it asks for json_object and tells the schema in the prompt.
const modest = provider()(PLAIN);

const asking = (prompt, more = {}) => ({ model, prompt, maxRetries: 0, ...more });

const Weather = z.object({ city: z.string(), degrees: z.number() });
const weather = { city: "Köln", degrees: 7 };
const saying = (value) => `[[say=${JSON.stringify(JSON.stringify(value))}]]`;

// Two rounds of calls, and an end.
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

/** A stream's errors are parts of it; here they fail the check. */
function streaming(asked) {
  const errors = [];
  const result = streamText({ ...asked, onError: ({ error }) => errors.push(error) });
  return { result, errors };
}

await run({
  async generate_text() {
    const asked = asking('[[say="Hello there" usage=20,5,7,2]]', { system: "Be brief." });
    const { text, finishReason, usage, response } = await generateText(asked);
    deepStrictEqual([text, finishReason], ["Hello there", "stop"]);
    deepStrictEqual([usage.inputTokens, usage.outputTokens, usage.totalTokens], [20, 7, 27], "usage");
    deepStrictEqual(usage.inputTokenDetails.cacheReadTokens, 5, "cached tokens");
    deepStrictEqual(usage.outputTokenDetails.reasoningTokens, 2, "reasoning tokens");
    return { model: response.modelId };
  },

  async stream_text() {
    const { result, errors } = streaming(asking("[[words=5 reasoning=1 usage=20,5,10,3]]"));
    const parts = await all(result.fullStream);
    const deltas = parts.filter((part) => part.type === "text-delta").map((part) => part.text);
    deepStrictEqual([deltas, errors], [words(5), []], "a part a word");
    deepStrictEqual([await result.text, await result.finishReason], [words(5).join(""), "stop"]);
    deepStrictEqual((await result.usage).totalTokens, 30, "usage");
    return { parts: parts.map((part) => part.type) };
  },

  async reasoning() {
    const { text, reasoningText } = await generateText(asking("[[words=2 reasoning=1]]"));
    deepStrictEqual(text, words(2).join(""));
    ok(reasoningText.includes("Step 1"), reasoningText);
    const { result, errors } = streaming(asking("[[words=2 reasoning=1]]"));
    deepStrictEqual([await result.reasoningText, await result.text, errors], [reasoningText, text, []]);
    return { reasoning: reasoningText };
  },

  async tool_loop() {
    const { text, steps, finishReason } = await generateText(asking(LOOP, { tools, stopWhen: stepCountIs(5) }));
    deepStrictEqual(calls(steps), ROUNDS);
    deepStrictEqual(outputs(steps), ["Köln: fine", "noon", "Bonn: fine"]);
    deepStrictEqual([text, finishReason], ["Both are fine.", "stop"]);
    return { steps: steps.length };
  },

  async tool_loop_in_a_stream() {
    const { result, errors } = streaming(asking(LOOP, { tools, stopWhen: stepCountIs(5) }));
    const steps = await result.steps;
    deepStrictEqual([calls(steps), errors], [ROUNDS, []]);
    deepStrictEqual(outputs(steps), ["Köln: fine", "noon", "Bonn: fine"]);
    deepStrictEqual(await result.text, "Both are fine.");
    return { steps: steps.length };
  },

  async tool_choice() {
    const asked = { tools, toolChoice: { type: "tool", toolName: "get_time" } };
    const { toolCalls, finishReason } = await generateText(asking("[[tool=get_time:{}]]", asked));
    deepStrictEqual([toolCalls.map((call) => call.toolName), finishReason], [["get_time"], "tool-calls"]);
    const none = await generateText(asking("[[echo]]", { tools, toolChoice: "none" }));
    const seen = JSON.parse(none.text).tools;
    ok(!seen.includes("get_time") && !seen.includes("get_weather"), `none: ${seen}`);
  },

  async object() {
    const output = Output.object({ schema: Weather });
    const { output: made } = await generateText(asking("How is the weather?", { output }));
    deepStrictEqual([typeof made.city, typeof made.degrees], ["string", "number"], "by json_schema");
    const { object } = await generateObject(asking("How is the weather?", { schema: Weather }));
    deepStrictEqual(object, made, "generateObject");
    const { result, errors } = streaming(asking("How is the weather?", { output }));
    const partial = await all(result.partialOutputStream);
    deepStrictEqual([await result.output, partial.at(-1), errors], [made, made, []], "from a stream");
    const modestly = await generateText(asking(saying(weather), { model: modest, output }));
    deepStrictEqual(modestly.output, weather, "by json_object");
    return { made };
  },

  async object_after_tools() {
    const prompt = `[[tool=get_weather:{"city":"Köln"} then ${saying(weather).slice(2)}`;
    const output = Output.object({ schema: Weather });
    const asked = asking(prompt, { tools, output, stopWhen: stepCountIs(5) });
    const { output: made, steps } = await generateText(asked);
    deepStrictEqual([made, calls(steps)], [weather, [[["get_weather", { city: "Köln" }]], []]]);
    return { made };
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
      const heard = JSON.parse(text).input;
      deepStrictEqual(heard.at(-1), ["user", "[[echo]]\n[image]"], part.mediaType);
    }
    return { forms: parts.length };
  },

  async limits() {
    const stopped = await generateText(asking("[[words=9]]", { stopSequences: ["word3"] }));
    deepStrictEqual([stopped.text, stopped.finishReason], [words(2).join(""), "stop"]);
    const limited = await generateText(asking("[[words=50 every=5]]", { maxOutputTokens: 7 }));
    deepStrictEqual(limited.finishReason, "length");
    return { text: limited.text };
  },

  async completion_model() {
    const completions = structured.completionModel(PLAIN);
    const { text, finishReason } = await generateText(asking("[[words=3]]", { model: completions }));
    deepStrictEqual([text, finishReason], [words(3).join(""), "stop"]);
  },

  async errors() {
    const unknown = structured("no-such-model");
    const error = await generateText(asking("Hi", { model: unknown })).then(
      () => undefined,
      (caught) => caught,
    );
    ok(APICallError.isInstance(error), `${error}`);
    deepStrictEqual([error.statusCode, error.data.error.code], [404, "model_not_found"]);
    deepStrictEqual(error.message, error.data.error.message, "the proxy's own words");
    const { result, errors } = streaming(asking("[[words=3 failed=context_length_exceeded]]"));
    const parts = await all(result.fullStream);
    const deltas = parts.filter((part) => part.type === "text-delta").map((part) => part.text);
    deepStrictEqual([deltas, errors.length], [words(3), 1], "half an answer, and the error");
    return { message: error.message };
  },
});
