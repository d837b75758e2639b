// OpenAI's Agents SDK for JavaScript, on both APIs.

import {
  Agent,
  OpenAIChatCompletionsModel,
  OpenAIResponsesModel,
  run as runAgent,
  setTracingDisabled,
  tool,
} from "@openai/agents";
import OpenAI from "openai";
import { z } from "zod";

import { API_KEY, BASE_URL, IMAGE, MODEL, getWeather, run } from "./harness.mjs";

setTracingDisabled(true);
const client = new OpenAI({ baseURL: BASE_URL, apiKey: API_KEY, maxRetries: 0 });
const Weather = z.object({ city: z.string(), degrees: z.number().int() });
const weather = tool({
  name: "get_weather",
  description: "The weather of a city.",
  parameters: z.object({ city: z.string() }),
  execute: getWeather,
});

function checks(model) {
  const agent = (more) => new Agent({ name: "Assistant", instructions: "Be brief.", model, ...more });
  const final = async (prompt, more) => (await runAgent(agent(more), prompt)).finalOutput;
  const content = (prompt) => [
    { type: "input_text", text: prompt },
    { type: "input_image", image: IMAGE },
  ];
  return {
    answer: final,
    stream: async (prompt) => (await runAgent(agent(), prompt, { stream: true })).toTextStream(),
    tools: (prompt) => final(prompt, { tools: [weather] }),
    schema: (prompt) => final(prompt, { outputType: Weather }),
    picture: (prompt) => final([{ role: "user", content: content(prompt) }]),
  };
}

await run("chat", checks(new OpenAIChatCompletionsModel(client, MODEL)));
await run("responses", checks(new OpenAIResponsesModel(client, MODEL)));
