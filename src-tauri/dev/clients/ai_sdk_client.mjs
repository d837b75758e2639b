// The Vercel AI SDK with its two providers: OpenAI's (both APIs) and the one for compatible APIs.

import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { Output, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

import { API_KEY, BASE_URL, MODEL, PNG, getWeather, run } from "./harness.mjs";

const schema = z.object({ city: z.string(), degrees: z.number().int() });
const get_weather = tool({ inputSchema: z.object({ city: z.string() }), execute: getWeather });

function checks(model) {
  const ask = async (more) => generateText({ model, maxRetries: 0, ...more });
  const content = (prompt) => [
    { type: "text", text: prompt },
    { type: "file", data: PNG, mediaType: "image/png" },
  ];
  return {
    answer: async (prompt) => (await ask({ prompt })).text,
    stream: (prompt) => streamText({ model, prompt, maxRetries: 0 }).textStream,
    tools: async (prompt) => (await ask({ prompt, tools: { get_weather }, stopWhen: stepCountIs(3) })).text,
    schema: async (prompt) => (await ask({ prompt, output: Output.object({ schema }) })).output,
    picture: async (prompt) => (await ask({ messages: [{ role: "user", content: content(prompt) }] })).text,
  };
}

const openai = createOpenAI({ baseURL: BASE_URL, apiKey: API_KEY });
const compatible = createOpenAICompatible({ name: "proxy", baseURL: BASE_URL, apiKey: API_KEY, supportsStructuredOutputs: true });
await run("openai, chat", checks(openai.chat(MODEL)));
await run("openai, responses", checks(openai.responses(MODEL)));
await run("openai-compatible", checks(compatible(MODEL)));
