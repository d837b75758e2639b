// The Responses API by OpenAI's library for JavaScript.
//
// `checks.py` says how it is run. `python_responses.py` makes the same checks.

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
// Two rounds of calls, and an end.
const LOOP = `Weather? [[tool=get_weather:${COLOGNE} tool=get_time:{} then tool=get_weather:{"city":"Bonn"} then say="Both are fine."]]`;
const ROUNDS = [[["get_weather", COLOGNE], ["get_time", "{}"]], [["get_weather", '{"city":"Bonn"}']]];

const said = (count) => words(count).join("");
const ask = (input, more = {}) => client.responses.create({ model: PLAIN, input, ...more });
const message = (role, content) => ({ role, content });
const callsOf = ({ output }) => output.filter((item) => item.type === "function_call");
const pairs = (response) => callsOf(response).map((call) => [call.name, call.arguments]);
/** A result for each call of a response. */
const outputsOf = (response) =>
  callsOf(response).map(({ call_id, name, arguments: given }) => ({
    type: "function_call_output",
    call_id,
    output: `${name} ${given}`,
  }));
/** What the model was sent, as it says itself when the prompt was [[echo]]. */
// What a plain model is told when the client tells it nothing.
const UNINSTRUCTED = ["developer", "You are a helpful assistant."];

const heard = (response) => JSON.parse(response.output_text).input;

await run({
  async whole() {
    const asked = { model: AGENT, instructions: "Be brief.", metadata: { of: "a test" } };
    const response = await ask('[[say="Hello there" usage=20,5,7,2]]', asked);
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
    const wanted = [["developer", "be brief"], ["user", "one"], ["assistant", "two"], ["assistant", "three"], ["user", "[[echo]]"]];
    deepStrictEqual(heard(response), wanted, "the items in order");
  },

  async stream() {
    const events = await all(ask("[[words=5 usage=20,5,10,0]]", { stream: true }));
    const kinds = events.map((event) => event.type);
    // In this order, whatever else comes between them.
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
    deepStrictEqual(order.filter((kind) => kinds.includes(kind)), order, "kinds of events");
    deepStrictEqual(order.toSorted((a, b) => kinds.indexOf(a) - kinds.indexOf(b)), order, "their order");
    deepStrictEqual([kinds[0], kinds.at(-1)], [order[0], order.at(-1)], "the first and the last");
    const numbers = events.map((event) => event.sequence_number);
    deepStrictEqual(numbers, [...events.keys()], "sequence numbers");
    const deltas = events.filter((event) => event.type === "response.output_text.delta");
    deepStrictEqual(deltas.map((event) => event.delta), words(5), "a delta a word");
    const { response: final } = events.at(-1);
    const items = final.output.filter((item) => item.type === "message").map((item) => item.id);
    deepStrictEqual([...new Set(deltas.map((event) => event.item_id))], items, "item");
    const { response: first } = events[0];
    deepStrictEqual([first.id, first.status], [final.id, "in_progress"], "the response at first");
    deepStrictEqual([final.status, final.usage.total_tokens], ["completed", 30], "at last");
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
    deepStrictEqual(response.text.format.type, "json_schema", "the format that was asked for");
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
      // The library's way: every item of the output goes back as it came.
      input.push(...response.output, ...outputsOf(response).reverse());
    }
    deepStrictEqual([rounds, response.output_text], [ROUNDS, "Both are fine."], "rounds by items");
  },

  async tools_of_a_previous_response() {
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
    deepStrictEqual(results(both.output_text), ["get_time {}", `get_weather ${COLOGNE}`], "after all that");
    return { missing };
  },

  async tools_in_a_stream() {
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
    deepStrictEqual(done, deltas, "the event when the arguments are whole");
    deepStrictEqual(pairs(events.at(-1).response), ROUNDS[0], "the response at last");
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
    const conversation = [UNINSTRUCTED, ["user", "[[say=One.]] Begin."], ["assistant", "One."], ["user", "[[echo]]"]];
    deepStrictEqual(heard(second), conversation, "the conversation; instructions are of one response only");
    deepStrictEqual(heard(await echo(first)), conversation, "another branch");
    const third = heard(await echo(second));
    deepStrictEqual([third.slice(0, 3), third.length], [conversation.slice(0, 3), 6], "two steps back");
  },

  async retrieve_and_delete() {
    const response = await ask("[[say=Kept.]]");
    deepStrictEqual(await client.responses.retrieve(response.id), response, "the response as it was");
    await client.responses.delete(response.id);
    const { NotFoundError, BadRequestError } = OpenAI;
    const gone = await errorOf(NotFoundError, () => client.responses.retrieve(response.id));
    await errorOf(NotFoundError, () => client.responses.delete(response.id));
    const passing = await ask("[[say=Passing.]]", { store: false });
    await errorOf(NotFoundError, () => client.responses.retrieve(passing.id));
    const after = await errorOf(BadRequestError, () => ask("Hi", { previous_response_id: response.id }));
    deepStrictEqual([after.code, after.param], ["previous_response_not_found", "previous_response_id"]);
    return { gone, after };
  },

  async image() {
    const parts = [{ type: "input_text", text: "[[echo]]" }, { type: "input_image", image_url: IMAGE, detail: "auto" }];
    deepStrictEqual(heard(await ask([message("user", parts)])), [UNINSTRUCTED, ["user", "[[echo]]\n[image]"]]);
  },

  async reasoning() {
    const asked = { reasoning: { effort: "low", summary: "auto" } };
    const response = await ask("[[words=2 reasoning=2]]", asked);
    const thought = response.output.filter((item) => item.type === "reasoning");
    const summary = thought.flatMap((item) => item.summary.map((part) => part.text)).join("");
    ok(summary.includes("Step 1") && summary.includes("Step 2"), JSON.stringify(response.output));
    deepStrictEqual([response.output_text, response.output.at(-1).type], [said(2), "message"]);
    deepStrictEqual(response.reasoning.effort, "low");
    const events = await all(ask("[[words=2 reasoning=2]]", { stream: true, ...asked }));
    const deltas = events.filter((event) => event.type === "response.reasoning_summary_text.delta");
    deepStrictEqual(deltas.map((event) => event.delta).join(""), summary, "the summary in a stream");
    const sent = JSON.parse((await ask("[[echo]]", asked)).output_text).reasoning;
    deepStrictEqual(sent.effort, "low", "what the model is asked");
    return { summary };
  },

  async incomplete() {
    const asked = { max_output_tokens: 20 };
    const { status, incomplete_details, output_text } = await ask("[[words=50 every=5]]", asked);
    deepStrictEqual([status, incomplete_details.reason], ["incomplete", "max_output_tokens"]);
    ok(output_text && said(50).startsWith(output_text), output_text);
    const last = (await all(ask("[[words=50 every=5]]", { ...asked, stream: true }))).at(-1);
    deepStrictEqual([last.type, last.response.status], ["response.incomplete", "incomplete"], "in a stream");
    return { text: output_text };
  },

  async errors() {
    const unknown = await errorOf(OpenAI.NotFoundError, () => ask("Hi", { model: "no-such-model" }));
    deepStrictEqual([unknown.code, unknown.param], ["model_not_found", "model"]);
    const limited = await errorOf(OpenAI.RateLimitError, () => ask("[[status=429]]", { stream: true }));
    deepStrictEqual(limited.code, "rate_limit_exceeded", "a stream that fails at once is an HTTP error");
    const tools = [{ type: "code_interpreter", container: "c" }];
    const foreign = await errorOf(OpenAI.BadRequestError, () => ask("Hi", { tools }));
    const events = await all(ask("[[words=3 failed=context_length_exceeded]]", { stream: true }));
    const deltas = events.filter((event) => event.type === "response.output_text.delta");
    const { type, response } = events.at(-1);
    deepStrictEqual([type, response.status], ["response.failed", "failed"], "the stream ends with it");
    deepStrictEqual(deltas.map((event) => event.delta), words(3), "half an answer");
    deepStrictEqual(response.error.code, "context_length_exceeded");
    return { unknown, foreign, failed: response.error };
  },
});
