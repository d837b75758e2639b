// Further chat features of OpenAI's JavaScript library: images, structured output, several answers, limits.
//
// `checks.py` explains how to run it. `python_chat.py` has the same checks.

import { deepStrictEqual, ok } from "node:assert";

import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";

import { IMAGE, PLAIN, all, run, words } from "./checks.mjs";
import { chat, client, errorOf, errorOfAnyStatus, only, user } from "./library.mjs";

const Weather = z.object({ city: z.string(), degrees: z.int() });

const wordsText = (count) => words(count).join("");
const text = (chunks) => chunks.map((chunk) => chunk.choices[0].delta.content ?? "").join("");
const end = (chunks) => chunks.at(-1).choices[0].finish_reason;

await run({
  async image() {
    const withImage = (prompt, url = IMAGE, more = {}) =>
      user([{ type: "text", text: prompt }, { type: "image_url", image_url: { url, ...more } }]);
    const modelInput = async (messages) => JSON.parse(only(await chat(messages)).message.content).input;
    const includes = (input, line) =>
      ok(input.some(([role, content]) => role === "user" && content === line), JSON.stringify(input));
    includes(await modelInput([withImage("[[echo]]")]), "[[echo]]\n[image]");
    const first = withImage("[[say=Red.]] What is it?", IMAGE, { detail: "low" });
    const history = [first, { role: "assistant", content: "Red." }, user("[[echo]]")];
    includes(await modelInput(history), "[[say=Red.]] What is it?\n[image]");
    const no_image = withImage("Hi", "data:image/png;base64,bm8gaW1hZ2U=");
    return { no_image: await errorOf(OpenAI.BadRequestError, () => chat([no_image])) };
  },

  async schema() {
    const response_format = zodResponseFormat(Weather, "weather");
    const request = { model: PLAIN, messages: [user("How is the weather?")], response_format };
    const { parsed } = only(await client.chat.completions.parse(request)).message;
    deepStrictEqual([typeof parsed.city, typeof parsed.degrees], ["string", "number"]);
    const streamed = only(await client.chat.completions.stream(request).finalChatCompletion()).message;
    deepStrictEqual(streamed.parsed, parsed, "parsed from a stream");
    const broken = { ...request, messages: [user('[[say="It is warm."]]')] };
    // Incomplete JSON in a successful answer would raise a SyntaxError or zod's own error.
    return { parsed, broken: await errorOfAnyStatus(() => client.chat.completions.parse(broken)) };
  },

  async json_object() {
    const ask = (json) => chat(`JSON, please. [[say=${JSON.stringify(json)}]]`, { response_format: { type: "json_object" } });
    deepStrictEqual(JSON.parse(only(await ask('{"a": 1}')).message.content), { a: 1 }, "valid JSON");
    return { broken: await errorOfAnyStatus(() => ask('{"a": ')) };
  },

  async several_answers() {
    const { choices, usage } = await chat("[[words=3 usage=10,0,4,0]]", { n: 3 });
    deepStrictEqual(choices.map((choice) => choice.index), [0, 1, 2]);
    deepStrictEqual(choices.map((choice) => choice.message.content), Array(3).fill(wordsText(3)));
    deepStrictEqual(usage.completion_tokens, 12, "the tokens of all answers");
    const [texts, ends] = [{ 0: "", 1: "" }, {}];
    for await (const chunk of await chat("[[words=3]]", { n: 2, stream: true })) {
      for (const { index, delta, finish_reason } of chunk.choices) {
        texts[index] += delta.content ?? "";
        if (finish_reason) ends[index] = finish_reason;
      }
    }
    deepStrictEqual([texts, ends], [{ 0: wordsText(3), 1: wordsText(3) }, { 0: "stop", 1: "stop" }], "concurrently");
    return { usage };
  },

  async stop() {
    for (const [stop, expected] of [[["never", "word3"], wordsText(2)], ["d2 wo", "word1 wor"]]) {
      const { message, finish_reason } = only(await chat("[[words=9]]", { stop }));
      deepStrictEqual([message.content, finish_reason], [expected, "stop"], `${stop}`);
      const chunks = await all(chat("[[words=9]]", { stop, stream: true }));
      deepStrictEqual([text(chunks), end(chunks)], [expected, "stop"], `${stop} in a stream`);
    }
    return errorOf(OpenAI.BadRequestError, () => chat("Hi", { stop: ["a", "b", "c", "d", "e"] }));
  },

  async max_tokens() {
    let content;
    for (const name of ["max_tokens", "max_completion_tokens"]) {
      const answer = await chat("[[words=50 every=5]]", { [name]: 7 });
      content = only(answer).message.content;
      deepStrictEqual(only(answer).finish_reason, "length", name);
      ok(content && wordsText(50).startsWith(content) && content.length < 50, `${name}: ${content}`);
      ok(answer.usage.completion_tokens <= 7, JSON.stringify(answer.usage));
    }
    const chunks = await all(chat("[[words=50 every=5]]", { max_tokens: 7, stream: true }));
    deepStrictEqual([text(chunks), end(chunks)], [content, "length"], "in a stream");
    const short = only(await chat("[[words=2]]", { max_tokens: 500 }));
    deepStrictEqual(short.finish_reason, "stop", "a limit that is not reached");
    return { text: content };
  },

  async effort() {
    const options = { reasoning_effort: "high", verbosity: "low" };
    const request = JSON.parse(only(await chat("[[echo]]", options)).message.content);
    deepStrictEqual([request.reasoning.effort, request.text.verbosity], ["high", "low"]);
    return errorOf(OpenAI.BadRequestError, () => chat("Hi", { reasoning_effort: "endless" }));
  },

  async completions() {
    const prompt = "[[words=3 usage=9,0,3,0]]";
    const answer = await client.completions.create({ model: PLAIN, prompt, max_tokens: 50 });
    const { text: complete, finish_reason } = only(answer);
    deepStrictEqual([complete, finish_reason, answer.object], [wordsText(3), "stop", "text_completion"]);
    deepStrictEqual(answer.usage.total_tokens, 12, "usage");
    const chunks = await all(client.completions.create({ model: PLAIN, prompt, stream: true }));
    deepStrictEqual(chunks.map((chunk) => chunk.choices[0].text).join(""), wordsText(3), "streamed");
    deepStrictEqual(end(chunks), "stop");
  },
});
