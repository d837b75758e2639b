// OpenAI's package for Node, on both APIs.

import OpenAI from "openai";
import { zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";

import { API_KEY, BASE_URL, IMAGE, MODEL, getWeather, run } from "./harness.mjs";

const client = new OpenAI({ baseURL: BASE_URL, apiKey: API_KEY, maxRetries: 0 });
const Weather = z.object({ city: z.string(), degrees: z.number().int() });
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false };

const ask = (content, more) => ({ model: MODEL, messages: [{ role: "user", content }], ...more });
const text = async (completion) => (await completion).choices[0].message.content;

await run("chat", {
  answer: (prompt) => text(client.chat.completions.create(ask(prompt))),
  async *stream(prompt) {
    for await (const chunk of await client.chat.completions.create(ask(prompt, { stream: true })))
      yield chunk.choices[0].delta.content;
  },
  tools(prompt) {
    const name = "get_weather";
    const weather = { name, description: "The weather of a city.", parameters, parse: JSON.parse, function: getWeather };
    return client.chat.completions.runTools(ask(prompt, { tools: [{ type: "function", function: weather }] })).finalContent();
  },
  async schema(prompt) {
    const format = ask(prompt, { response_format: zodResponseFormat(Weather, "weather") });
    return (await client.chat.completions.parse(format)).choices[0].message.parsed;
  },
  picture: (prompt) =>
    text(
      client.chat.completions.create(
        ask([
          { type: "text", text: prompt },
          { type: "image_url", image_url: { url: IMAGE } },
        ]),
      ),
    ),
});

const respond = (input, more) => client.responses.create({ model: MODEL, input, ...more });

await run("responses", {
  answer: async (prompt) => (await respond(prompt)).output_text,
  async *stream(prompt) {
    for await (const event of client.responses.stream({ model: MODEL, input: prompt }))
      if (event.type === "response.output_text.delta") yield event.delta;
  },
  async tools(prompt) {
    const tools = [{ type: "function", name: "get_weather", parameters, strict: true }];
    let response = await respond(prompt, { tools });
    for (;;) {
      const calls = response.output.filter((item) => item.type === "function_call");
      if (calls.length === 0) return response.output_text;
      const outputs = calls.map(({ call_id, arguments: json }) => ({
        type: "function_call_output",
        call_id,
        output: getWeather(JSON.parse(json)),
      }));
      response = await respond(outputs, { tools, previous_response_id: response.id });
    }
  },
  async schema(prompt) {
    const format = { model: MODEL, input: prompt, text: { format: zodTextFormat(Weather, "weather") } };
    return (await client.responses.parse(format)).output_parsed;
  },
  async picture(prompt) {
    const content = [
      { type: "input_text", text: prompt },
      { type: "input_image", image_url: IMAGE, detail: "auto" },
    ];
    return (await respond([{ role: "user", content }])).output_text;
  },
});
