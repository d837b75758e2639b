// The Responses API with OpenAI's JavaScript library.
//
// `checks.py` explains how to run it. `python_responses.py` has the same checks.

import { deepStrictEqual, ok } from "node:assert";

import OpenAI from "openai";
import { ResponsesToolRunner, runnerFunction } from "openai/helpers/responses-tool-runner";
import { zodResponsesFunction, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";

import { AGENT, IMAGE, PLAIN, all, results, run, words } from "./checks.mjs";
import { client, errorOf } from "./library.mjs";

const Weather = z.object({ city: z.string(), degrees: z.int() });

const COLOGNE = '{"city": "Köln"}';
const tool = (name, properties) => ({
  type: "function",
  name,
  parameters: { type: "object", properties, required: Object.keys(properties), additionalProperties: false },
  strict: true,
});
const TOOLS = [tool("get_weather", { city: { type: "string" } }), tool("get_time", {})];
// Two rounds of calls, then an answer.
const LOOP = `Weather? [[tool=get_weather:${COLOGNE} tool=get_time:{} then tool=get_weather:{"city":"Bonn"} then say="Both are fine."]]`;
const ROUNDS = [[["get_weather", COLOGNE], ["get_time", "{}"]], [["get_weather", '{"city":"Bonn"}']]];

const wordsText = (count) => words(count).join("");
const ask = (input, more = {}) => client.responses.create({ model: PLAIN, input, ...more });
const message = (role, content) => ({ role, content });
const callsOf = ({ output }) => output.filter((item) => item.type === "function_call");
const pairs = (response) => callsOf(response).map((call) => [call.name, call.arguments]);
/** An output for each call of a response. */
const outputsOf = (response) =>
  callsOf(response).map(({ call_id, name, arguments: given }) => ({
    type: "function_call_output",
    call_id,
    output: `${name} ${given}`,
  }));
/** A plain model's instructions when the client sends none. */
const DEFAULT_INSTRUCTIONS = ["developer", "You are a helpful assistant."];
/** The model's input, which it returns for the prompt [[echo]]. */
const modelInput = (response) => JSON.parse(response.output_text).input;

await run({
  async complete() {
    const options = { model: AGENT, instructions: "Be brief.", metadata: { of: "a test" } };
    const response = await ask('[[say="Hello there" usage=20,5,7,2]]', options);
    deepStrictEqual([response.object, response.status, response.error], ["response", "completed", null]);
    deepStrictEqual(response.output_text, "Hello there");
    deepStrictEqual([response.instructions, response.metadata], ["Be brief.", { of: "a test" }]);
    const { usage } = response;
    deepStrictEqual([usage.input_tokens, usage.output_tokens, usage.total_tokens], [20, 7, 27], "usage");
    deepStrictEqual(usage.input_tokens_details.cached_tokens, 5, "cached tokens");
    deepStrictEqual(usage.output_tokens_details.reasoning_tokens, 2, "reasoning tokens");
    ok(response._request_id, "an answer needs its x-request-id");
    return { id: response.id, model: response.model, items: response.output.map((item) => item.type) };
  },

  async items() {
    const two = { type: "output_text", text: "two", annotations: [] };
    const response = await ask([
      message("developer", "be brief"),
      message("user", "one"),
      { type: "message", id: "msg_1", status: "completed", ...message("assistant", [two]) },
      message("assistant", "three"),
      message("user", [{ type: "input_text", text: "[[echo]]" }]),
    ]);
    const expected = [["developer", "be brief"], ["user", "one"], ["assistant", "two"], ["assistant", "three"], ["user", "[[echo]]"]];
    deepStrictEqual(modelInput(response), expected, "the items in order");
  },

  async stream() {
    const events = await all(ask("[[words=5 usage=20,5,10,0]]", { stream: true }));
    const kinds = events.map((event) => event.type);
    // In this order, possibly with other events in between.
    const order = [
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
      "response.output_text.delta",
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.completed",
    ];
    deepStrictEqual(order.filter((kind) => kinds.includes(kind)), order, "event types");
    deepStrictEqual(order.toSorted((a, b) => kinds.indexOf(a) - kinds.indexOf(b)), order, "their order");
    deepStrictEqual([kinds[0], kinds.at(-1)], [order[0], order.at(-1)], "the first and last event");
    const numbers = events.map((event) => event.sequence_number);
    deepStrictEqual(numbers, [...events.keys()], "sequence numbers");
    const deltas = events.filter((event) => event.type === "response.output_text.delta");
    deepStrictEqual(deltas.map((event) => event.delta), words(5), "one delta per word");
    const { response: final } = events.at(-1);
    const items = final.output.filter((item) => item.type === "message").map((item) => item.id);
    deepStrictEqual([...new Set(deltas.map((event) => event.item_id))], items, "item");
    const { response: first } = events[0];
    deepStrictEqual([first.id, first.status], [final.id, "in_progress"], "the initial response");
    deepStrictEqual([final.status, final.usage.total_tokens], ["completed", 30], "the final response");
    return { events: events.length };
  },

  async stream_helper() {
    let deltas = 0;
    const answer = client.responses.stream({ model: PLAIN, input: '[[say="Grüße an 世界 🙂"]]' });
    answer.on("response.output_text.delta", () => (deltas += 1));
    deepStrictEqual((await answer.finalResponse()).output_text, "Grüße an 世界 🙂");
    const text = { format: zodTextFormat(Weather, "weather") };
    const typed = client.responses.stream({ model: PLAIN, input: "How is it?", text });
    const { output_parsed: parsed } = await typed.finalResponse();
    deepStrictEqual([typeof parsed.city, typeof parsed.degrees], ["string", "number"]);
    return { deltas, parsed };
  },

  async parse() {
    const text = { format: zodTextFormat(Weather, "weather") };
    const response = await client.responses.parse({ model: PLAIN, input: "How is it?", text });
    const { output_parsed: parsed } = response;
    deepStrictEqual([typeof parsed.city, typeof parsed.degrees], ["string", "number"]);
    deepStrictEqual(response.text.format.type, "json_schema", "the requested format");
    const json = await ask('[[say="{\\"a\\": 1}"]] JSON, please.', { text: { format: { type: "json_object" } } });
    deepStrictEqual(JSON.parse(json.output_text), { a: 1 }, "json_object");
    return { parsed };
  },

  async tools() {
    const [input, rounds] = [[message("user", LOOP)], []];
    let response;
    for (;;) {
      response = await ask(input, { tools: TOOLS, store: false });
      if (callsOf(response).length === 0) break;
      deepStrictEqual(response.status, "completed", "the status of a response with calls");
      rounds.push(pairs(response));
      // As the library's documentation does it: every output item is sent back unchanged.
      input.push(...response.output, ...outputsOf(response).reverse());
    }
    deepStrictEqual([rounds, response.output_text], [ROUNDS, "Both are fine."], "rounds by items");
  },

  async tools_with_previous_response() {
    let response = await ask(LOOP, { tools: TOOLS });
    const rounds = [];
    const next = (previous, outputs) => ask(outputs, { tools: TOOLS, previous_response_id: previous.id });
    while (callsOf(response).length > 0) {
      rounds.push(pairs(response));
      response = await next(response, outputsOf(response));
    }
    deepStrictEqual([rounds, response.output_text], [ROUNDS, "Both are fine."], "rounds by previous_response_id");
    const two = await ask(`[[tool=get_weather:${COLOGNE} tool=get_time:{}]]`, { tools: TOOLS });
    const missing = await errorOf(OpenAI.BadRequestError, () => next(two, outputsOf(two).slice(0, 1)));
    const both = await next(two, outputsOf(two));
    deepStrictEqual(results(both.output_text), ["get_time {}", `get_weather ${COLOGNE}`], "after the error");
    return { missing };
  },

  async streamed_tools() {
    const prompt = `[[tool=get_weather:${COLOGNE} tool=get_time:{}]]`;
    const events = await all(ask(prompt, { tools: TOOLS, stream: true }));
    const added = events.filter((event) => event.type === "response.output_item.added").map((event) => event.item);
    const calls = added.filter((item) => item.type === "function_call");
    deepStrictEqual(calls.map((call) => [call.name, call.arguments]), [["get_weather", ""], ["get_time", ""]]);
    const [deltas, done] = [{}, {}];
    for (const { type, item_id, delta, arguments: given } of events) {
      if (type === "response.function_call_arguments.delta") deltas[item_id] = (deltas[item_id] ?? "") + delta;
      if (type === "response.function_call_arguments.done") done[item_id] = given;
    }
    deepStrictEqual(calls.map((call) => deltas[call.id]), [COLOGNE, "{}"], "deltas");
    deepStrictEqual(done, deltas, "the event with the complete arguments");
    deepStrictEqual(pairs(events.at(-1).response), ROUNDS[0], "the final response");
  },

  async tool_runner() {
    for (const stream of [false, true]) {
      const called = [];
      const weather = ({ city }) => {
        called.push(city);
        return `${city}: fine`;
      };
      const parameters = z.object({ city: z.string() });
      const functions = [
        zodResponsesFunction({ name: "get_weather", parameters, function: weather }),
        zodResponsesFunction({ name: "get_time", parameters: z.object({}), function: () => "noon" }),
      ].map(runnerFunction);
      const runner = new ResponsesToolRunner({ functions });
      const final = await runner.run(client, { model: PLAIN, input: LOOP }, { stream });
      deepStrictEqual([called, final.output_text], [["Köln", "Bonn"], "Both are fine."], `stream: ${stream}`);
    }
  },

  async previous_response() {
    const first = await ask("[[say=One.]] Begin.", { instructions: "Be brief." });
    const echo = (previous) => ask("[[echo]]", { previous_response_id: previous.id });
    const second = await echo(first);
    deepStrictEqual(second.previous_response_id, first.id);
    const conversation = [DEFAULT_INSTRUCTIONS, ["user", "[[say=One.]] Begin."], ["assistant", "One."], ["user", "[[echo]]"]];
    deepStrictEqual(modelInput(second), conversation, "the conversation; instructions apply to one response only");
    deepStrictEqual(modelInput(await echo(first)), conversation, "another branch");
    const third = modelInput(await echo(second));
    deepStrictEqual([third.slice(0, 3), third.length], [conversation.slice(0, 3), 6], "two steps back");
  },

  async retrieve_and_delete() {
    const response = await ask("[[say=Stored.]]");
    deepStrictEqual(await client.responses.retrieve(response.id), response, "the stored response");
    await client.responses.delete(response.id);
    const { NotFoundError, BadRequestError } = OpenAI;
    const gone = await errorOf(NotFoundError, () => client.responses.retrieve(response.id));
    await errorOf(NotFoundError, () => client.responses.delete(response.id));
    const ephemeral = await ask("[[say=Ephemeral.]]", { store: false });
    await errorOf(NotFoundError, () => client.responses.retrieve(ephemeral.id));
    const after = await errorOf(BadRequestError, () => ask("Hi", { previous_response_id: response.id }));
    deepStrictEqual([after.code, after.param], ["previous_response_not_found", "previous_response_id"]);
    return { gone, after };
  },

  async image() {
    const parts = [{ type: "input_text", text: "[[echo]]" }, { type: "input_image", image_url: IMAGE, detail: "auto" }];
    deepStrictEqual(modelInput(await ask([message("user", parts)])), [DEFAULT_INSTRUCTIONS, ["user", "[[echo]]\n[image]"]]);
  },

  async reasoning() {
    const options = { reasoning: { effort: "low", summary: "auto" } };
    const response = await ask("[[words=2 reasoning=2]]", options);
    const reasoningItems = response.output.filter((item) => item.type === "reasoning");
    const summary = reasoningItems.flatMap((item) => item.summary.map((part) => part.text)).join("");
    ok(summary.includes("Step 1") && summary.includes("Step 2"), JSON.stringify(response.output));
    deepStrictEqual([response.output_text, response.output.at(-1).type], [wordsText(2), "message"]);
    deepStrictEqual(response.reasoning.effort, "low");
    const events = await all(ask("[[words=2 reasoning=2]]", { stream: true, ...options }));
    const deltas = events.filter((event) => event.type === "response.reasoning_summary_text.delta");
    deepStrictEqual(deltas.map((event) => event.delta).join(""), summary, "the summary in a stream");
    const sent = JSON.parse((await ask("[[echo]]", options)).output_text).reasoning;
    deepStrictEqual(sent.effort, "low", "the effort sent to the model");
    return { summary };
  },

  async incomplete() {
    const options = { max_output_tokens: 20 };
    const { status, incomplete_details, output_text } = await ask("[[words=50 every=5]]", options);
    deepStrictEqual([status, incomplete_details.reason], ["incomplete", "max_output_tokens"]);
    ok(output_text && wordsText(50).startsWith(output_text), output_text);
    const last = (await all(ask("[[words=50 every=5]]", { ...options, stream: true }))).at(-1);
    deepStrictEqual([last.type, last.response.status], ["response.incomplete", "incomplete"], "in a stream");
    return { text: output_text };
  },

  async errors() {
    const unknown = await errorOf(OpenAI.NotFoundError, () => ask("Hi", { model: "no-such-model" }));
    deepStrictEqual([unknown.code, unknown.param], ["model_not_found", "model"]);
    const limited = await errorOf(OpenAI.RateLimitError, () => ask("[[status=429]]", { stream: true }));
    deepStrictEqual(limited.code, "rate_limit_exceeded", "a stream that fails immediately is an HTTP error");
    const tools = [{ type: "code_interpreter", container: "c" }];
    const foreign = await errorOf(OpenAI.BadRequestError, () => ask("Hi", { tools }));
    const events = await all(ask("[[words=3 failed=context_length_exceeded]]", { stream: true }));
    const deltas = events.filter((event) => event.type === "response.output_text.delta");
    const { type, response } = events.at(-1);
    deepStrictEqual([type, response.status], ["response.failed", "failed"], "the last event");
    deepStrictEqual(deltas.map((event) => event.delta), words(3), "the partial answer");
    deepStrictEqual(response.error.code, "context_length_exceeded");
    return { unknown, foreign, failed: response.error };
  },
});
