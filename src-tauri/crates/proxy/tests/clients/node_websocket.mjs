// Responses over a WebSocket with OpenAI's JavaScript library.
//
// `checks.py` explains how to run it. `python_websocket.py` has the same checks.

import { deepStrictEqual, ok } from "node:assert";

import OpenAI from "openai";
import { ResponsesWS } from "openai/resources/responses/ws";

import { BASE_URL, PLAIN, run } from "./checks.mjs";
import { client } from "./library.mjs";

const ENDS = ["response.completed", "response.failed", "response.incomplete", "error"];

/** Runs `talk` on a connection. */
async function connected(talk) {
  const socket = new ResponsesWS(client);
  // Errors arrive as messages of the stream too.
  socket.on("error", () => {});
  const messages = socket.stream();
  const next = async () => {
    for await (const { type, message, error } of { [Symbol.asyncIterator]: () => ({ next: () => messages.next() }) }) {
      if (type === "message") return message;
      if (type === "error") return error.error;
      if (type === "close") throw new Error("the connection is closed");
    }
  };
  const until = async (isEnd) => {
    const events = [];
    while (events.length === 0 || !isEnd(events)) events.push(await next());
    return events;
  };
  const answered = async (input, more = {}) => {
    socket.send({ type: "response.create", model: PLAIN, input, ...more });
    return await until((events) => ENDS.includes(events.at(-1).type));
  };
  try {
    return await talk({ socket, answered, until });
  } finally {
    socket.close();
  }
}

const textOf = (events) => {
  deepStrictEqual(events.at(-1).type, "response.completed", JSON.stringify(events.at(-1)));
  const messages = events.at(-1).response.output.filter((item) => item.type === "message");
  return messages.flatMap((item) => item.content).map((part) => part.text).join("");
};

await run({
  async conversation() {
    await connected(async ({ answered }) => {
      const events = await answered("[[words=3]]", { store: false });
      const deltas = events.filter((event) => event.type === "response.output_text.delta").map((event) => event.delta);
      deepStrictEqual(deltas.join(""), "word1 word2 word3 ");
      const more = { previous_response_id: events.at(-1).response.id, store: false };
      deepStrictEqual(textOf(await answered("[[say=more]]", more)), "more");
    });
  },

  async tools() {
    const tools = [{ type: "function", name: "get_time", parameters: { type: "object", properties: {} } }];
    await connected(async ({ answered }) => {
      const { response } = (await answered("[[tool=get_time]]", { tools })).at(-1);
      const output = { type: "function_call_output", call_id: response.output[0].call_id, output: "noon" };
      const events = await answered([output], { previous_response_id: response.id, tools });
      deepStrictEqual(textOf(events), "Tool results: noon");
    });
  },

  async prepared() {
    await connected(async ({ answered }) => {
      const first = await answered("Remember green.", { generate: false });
      deepStrictEqual(
        first.map((event) => event.type),
        ["response.created", "response.in_progress", "response.completed"],
      );
      const more = { previous_response_id: first.at(-1).response.id };
      ok(textOf(await answered("[[echo]]", more)).includes("Remember green."));
    });
  },

  async lanes() {
    await connected(async ({ socket, until }) => {
      for (const lane of ["a", "b"]) {
        socket.send({ type: "response.create", model: PLAIN, input: `[[say=${lane}]]`, stream_id: lane });
      }
      const isEnd = (event) => ENDS.includes(event.type);
      const ended = (await until((events) => events.filter(isEnd).length === 2)).filter(isEnd);
      const answers = ended.map((event) => [event.stream_id, textOf([event])]).sort();
      deepStrictEqual(answers, [["a", "a"], ["b", "b"]]);
    });
  },

  async errors() {
    await connected(async ({ answered }) => {
      const [event] = await answered("hi", { previous_response_id: "resp_unknown" });
      deepStrictEqual([event.type, event.status, event.error.code], ["error", 400, "previous_response_not_found"]);
      deepStrictEqual(textOf(await answered("[[say=fine]]")), "fine");
    });
    const stranger = new ResponsesWS(new OpenAI({ baseURL: BASE_URL, apiKey: "sk-wrong" }));
    const error = await new Promise((resolve) => stranger.on("error", resolve));
    ok(`${error.message} ${error.cause ?? ""}`.includes("401"), error);
  },
});
