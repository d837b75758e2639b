// Tools in chats with OpenAI's JavaScript library: loops over several rounds, streams, its tool runner, and the deprecated
// functions.
//
// `checks.py` explains how to run it. `python_tools.py` has the same checks, except the tool runner.

import { deepStrictEqual, ok } from "node:assert";

import OpenAI from "openai";
import { zodFunction } from "openai/helpers/zod";
import { z } from "zod";

import { AGENT, PLAIN, all, results, run } from "./checks.mjs";
import { chat, client, errorOf, only, user } from "./library.mjs";

const WEATHER = {
  name: "get_weather",
  description: "The weather of a city.",
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};
const TIME = { name: "get_time", parameters: { type: "object", properties: {} } };
const TOOLS = [WEATHER, TIME].map((definition) => ({ type: "function", function: definition }));

const COLOGNE = '{"city": "Köln"}';
const TWO_CALLS = `Weather? [[tool=get_weather:${COLOGNE} tool=get_time:{}]]`;
// Two rounds of calls, then an answer.
const LOOP = `Weather? [[tool=get_weather:${COLOGNE} tool=get_time:{} then tool=get_weather:{"city":"Bonn"} then say="Both are fine."]]`;

/** The calls at the end of an answer, as pairs of name and arguments. */
function callsOf({ finish_reason, message }) {
  deepStrictEqual(finish_reason, "tool_calls");
  const calls = message.tool_calls;
  ok(calls.every((call) => call.type === "function" && call.id), JSON.stringify(calls));
  deepStrictEqual(new Set(calls.map((call) => call.id)).size, calls.length, "each call has a unique id");
  return calls.map((call) => [call.function.name, call.function.arguments]);
}

/** The messages that continue after an answer with calls: the answer, and an output for each call. */
function withOutputs({ message }, reverse = false) {
  const outputs = message.tool_calls.map((call) => ({
    role: "tool",
    tool_call_id: call.id,
    content: `${call.function.name} ${call.function.arguments}`,
  }));
  return [message, ...(reverse ? outputs.reverse() : outputs)];
}

async function loop(model) {
  const messages = [{ role: "system", content: "Be brief." }, user(LOOP)];
  const rounds = [];
  let choice;
  for (;;) {
    choice = only(await chat(messages, { model, tools: TOOLS, parallel_tool_calls: true }));
    if (choice.finish_reason !== "tool_calls") break;
    deepStrictEqual(choice.message.content, null, "content next to calls");
    rounds.push(callsOf(choice));
    messages.push(...withOutputs(choice));
  }
  const expected = [[["get_weather", COLOGNE], ["get_time", "{}"]], [["get_weather", '{"city":"Bonn"}']]];
  deepStrictEqual(rounds, expected, "the calls of each round");
  deepStrictEqual([choice.message.content, choice.finish_reason], ["Both are fine.", "stop"]);
  messages.push(choice.message, user('And now? [[say="Still fine."]]'));
  const next = only(await chat(messages, { model, tools: TOOLS }));
  deepStrictEqual(next.message.content, "Still fine.", "the next turn");
  return { rounds: rounds.length };
}

await run({
  tool_loop: () => loop(PLAIN),

  agent_tool_loop: () => loop(AGENT),

  async tool_results() {
    const first = only(await chat(TWO_CALLS, { tools: TOOLS }));
    const messages = [user(TWO_CALLS), ...withOutputs(first, true)];
    const text = async (history) => only(await chat(history, { tools: TOOLS })).message.content;
    const expected = ["get_time {}", `get_weather ${COLOGNE}`];
    deepStrictEqual(results(await text(messages)), expected, "results in another order");
    deepStrictEqual(results(await text(messages)), expected, "the same request again");
    const other = JSON.stringify(messages).replaceAll(first.message.tool_calls[0].id, "call_of_another_day");
    deepStrictEqual(results(await text(JSON.parse(other))), expected, "an unknown history");
  },

  async tool_stream() {
    const chunks = await all(chat(TWO_CALLS, { tools: TOOLS, stream: true }));
    const choices = chunks.map((chunk) => chunk.choices[0]);
    const calls = new Map();
    for (const piece of choices.flatMap((choice) => choice.delta.tool_calls ?? [])) {
      const facts = JSON.stringify(piece);
      if (calls.has(piece.index)) {
        ok([undefined, calls.get(piece.index)[0]].includes(piece.id), `another id: ${facts}`);
        ok(!piece.function.name, `the name comes once: ${facts}`);
      } else {
        ok(piece.id && piece.type === "function" && piece.function.name, `id and name come first: ${facts}`);
        calls.set(piece.index, [piece.id, piece.function.name, ""]);
      }
      calls.get(piece.index)[2] += piece.function.arguments ?? "";
    }
    deepStrictEqual([...calls.keys()], [0, 1], "indexes");
    const expected = [["get_weather", COLOGNE], ["get_time", "{}"]];
    deepStrictEqual([...calls.values()].map(([, ...call]) => call), expected, "calls");
    const roles = choices.map((choice) => choice.delta.role).filter(Boolean);
    const ends = choices.map((choice) => choice.finish_reason).filter(Boolean);
    deepStrictEqual([roles, ends], [["assistant"], ["tool_calls"]], "the role and the end come once");
    return { chunks: chunks.length };
  },

  async tool_stream_helper() {
    const tool = zodFunction({ name: "get_weather", parameters: z.object({ city: z.string() }) });
    const request = {
      model: PLAIN,
      messages: [user(`[[say="One moment." tool=get_weather:${COLOGNE}]]`)],
      tools: [tool],
    };
    const done = [];
    const stream = client.chat.completions.stream(request);
    stream.on("tool_calls.function.arguments.done", ({ name, index, parsed_arguments }) =>
      done.push([name, index, parsed_arguments]),
    );
    const choice = only(await stream.finalChatCompletion());
    deepStrictEqual(done, [["get_weather", 0, { city: "Köln" }]], "the event with a complete call");
    deepStrictEqual(choice.message.content, "One moment.", "text before the call");
    deepStrictEqual(callsOf(choice), [["get_weather", COLOGNE]]);
    deepStrictEqual(choice.message.tool_calls[0].function.parsed_arguments, { city: "Köln" });
    const parsed = only(await client.chat.completions.parse(request)).message.tool_calls[0];
    deepStrictEqual(parsed.function.parsed_arguments, { city: "Köln" }, "parsed without streaming");
  },

  async tool_runner() {
    for (const stream of [false, true]) {
      const called = [];
      const weather = ({ city }) => {
        called.push(city);
        return `${city}: fine`;
      };
      const tools = [
        zodFunction({ name: "get_weather", parameters: z.object({ city: z.string() }), function: weather }),
        zodFunction({ name: "get_time", parameters: z.object({}), function: () => "noon" }),
      ];
      const runner = client.chat.completions.runTools({ model: PLAIN, messages: [user(LOOP)], tools, stream });
      deepStrictEqual(await runner.finalContent(), "Both are fine.", `stream: ${stream}`);
      deepStrictEqual(called, ["Köln", "Bonn"]);
      const roles = runner.messages.map((message) => message.role);
      const expected = ["user", "assistant", "tool", "tool", "assistant", "tool", "assistant"];
      deepStrictEqual(roles, expected, "the conversation");
    }
  },

  async tool_choice() {
    // The client's tools that the model sees, without a tool of codex's own.
    const offered = async (tool_choice) => {
      const { message } = only(await chat("[[echo]]", { tools: TOOLS, tool_choice }));
      const seen = JSON.parse(message.content).tools;
      return ["get_time", "get_weather"].filter((name) => seen.includes(name));
    };
    deepStrictEqual(await offered("auto"), ["get_time", "get_weather"], "auto");
    deepStrictEqual(await offered("none"), [], "none");
    const named = { type: "function", function: { name: "get_time" } };
    for (const tool_choice of ["required", named]) {
      const { message } = only(await chat("[[tool=get_time:{}]]", { tools: TOOLS, tool_choice }));
      deepStrictEqual(message.tool_calls.map((call) => call.function.name), ["get_time"], `${tool_choice}`);
    }
    const rejected = (more) => errorOf(OpenAI.BadRequestError, () => chat("Hi", { tools: TOOLS, ...more }));
    const unknown = await rejected({ tool_choice: { type: "function", function: { name: "get_lost" } } });
    const broken = { type: "function", function: { name: "f", parameters: { type: "objekt" } } };
    const invalid = await rejected({ tools: [...TOOLS, broken] });
    ok(invalid.param.startsWith("tools[2]"), `the tool is named: ${JSON.stringify(invalid)}`);
    return { unknown, invalid };
  },

  async functions() {
    const more = { functions: [WEATHER, TIME], function_call: "auto" };
    const prompt = user(`[[tool=get_weather:${COLOGNE}]]`);
    const { finish_reason, message } = only(await chat([prompt], more));
    deepStrictEqual(finish_reason, "function_call");
    const { name, arguments: given } = message.function_call;
    deepStrictEqual([name, given], ["get_weather", COLOGNE]);
    deepStrictEqual(message.tool_calls, undefined, "the newer field");
    const output = { role: "function", name: "get_weather", content: "12 degrees" };
    const final = only(await chat([prompt, message, output], more));
    deepStrictEqual([final.message.content, final.finish_reason], ["Tool results: 12 degrees", "stop"]);
    const chunks = await all(chat([prompt], { ...more, stream: true }));
    const pieces = chunks.map((chunk) => chunk.choices[0].delta.function_call).filter(Boolean);
    deepStrictEqual(pieces[0].name, "get_weather", "the name comes first");
    deepStrictEqual(pieces.map((piece) => piece.arguments ?? "").join(""), COLOGNE, "streamed arguments");
  },
});
