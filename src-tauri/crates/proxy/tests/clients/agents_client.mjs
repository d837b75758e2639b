// OpenAI's Agents SDK for JavaScript: its quickstart, on both APIs.
//
// `checks.py` explains how to run it. `agents_client.py` has the same checks.

import { deepStrictEqual } from "node:assert";

import {
  Agent,
  OpenAIChatCompletionsModel,
  run as runAgent,
  setDefaultOpenAIClient,
  setTracingDisabled,
  tool as functionTool,
} from "@openai/agents";
import { z } from "zod";

import { PLAIN, run } from "./checks.mjs";
import { client } from "./library.mjs";

setDefaultOpenAIClient(client);
setTracingDisabled(true);

const getWeather = functionTool({
  name: "get_weather",
  description: "The weather of a city.",
  parameters: z.object({ city: z.string() }),
  execute: ({ city }) => `${city}: fine`,
});

const models = [PLAIN, new OpenAIChatCompletionsModel(client, PLAIN)];

async function answer(prompt, model = PLAIN, more = {}) {
  const agent = new Agent({ name: "Assistant", instructions: "Be brief.", model, ...more });
  return (await runAgent(agent, prompt)).finalOutput;
}

await run({
  async quickstart() {
    for (const model of models) {
      deepStrictEqual(await answer('[[say="Hello there"]]', model), "Hello there");
    }
  },

  async tool() {
    for (const model of models) {
      const text = await answer('[[tool=get_weather:{"city":"Bonn"}]]', model, { tools: [getWeather] });
      deepStrictEqual(text, "Tool results: Bonn: fine");
    }
  },

  async handoff() {
    const other = new Agent({ name: "Other", instructions: "Be kind.", model: PLAIN });
    const text = await answer("[[tool=transfer_to_Other:{} then say=Yes.]]", PLAIN, { handoffs: [other] });
    deepStrictEqual(text, "Yes.");
  },
});
