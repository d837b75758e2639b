// Images by OpenAI's JavaScript library: generated, edited and streamed, and the tool of the Responses API.
//
// `checks.py` explains how to run it. `python_images.py` has the same checks. codex must be signed in with ChatGPT.

import { deepStrictEqual, ok } from "node:assert";

import OpenAI, { toFile } from "openai";

import { IMAGE, PLAIN, all, run } from "./checks.mjs";
import { client, errorOf, only } from "./library.mjs";

const file = (name) => toFile(Buffer.from(IMAGE.split(",")[1], "base64"), name, { type: "image/png" });
const isPng = (base64) => ok(Buffer.from(base64, "base64").subarray(1, 4).toString() === "PNG", "a PNG");
const types = (events) => events.map((event) => event.type);

await run({
  async generate() {
    const { data, size, usage } = await client.images.generate({ model: "gpt-image-2", prompt: "a red cat", n: 2 });
    deepStrictEqual(data.length, 2);
    for (const image of data) {
      isPng(image.b64_json);
      deepStrictEqual(image.revised_prompt, "a red cat");
    }
    const byUrl = await client.images.generate({ prompt: "a cat", response_format: "url", background: "transparent" });
    ok(byUrl.data[0].url.startsWith("data:image/png;base64,"));
    return { size, usage };
  },

  async stream() {
    const request = { model: "gpt-image-2", prompt: "a cat", stream: true, partial_images: 2 };
    const events = await all(client.images.generate(request));
    deepStrictEqual(types(events), ["image_generation.completed"]);
    isPng(events[0].b64_json);
    return { size: events[0].size, tokens: events[0].usage.total_tokens };
  },

  async edit() {
    const one = await client.images.edit({ model: "gpt-image-2", image: await file("a.png"), prompt: "make it blue" });
    isPng(one.data[0].b64_json);
    const several = { image: [await file("a.png"), await file("b.png")], mask: await file("m.png"), prompt: "merge them" };
    isPng((await client.images.edit(several)).data[0].b64_json);
    const events = await all(client.images.edit({ image: await file("a.png"), prompt: "make it blue", stream: true }));
    deepStrictEqual(types(events), ["image_edit.completed"]);
  },

  async errors() {
    const refused = { prompt: 'a cat [[picture-status=400 message="Not that."]]' };
    const facts = await errorOf(OpenAI.BadRequestError, () => client.images.generate(refused));
    deepStrictEqual(facts.message, "Not that.");
    const words = { prompt: '[[say="I cannot draw that."]]' };
    const inWords = await errorOf(OpenAI.BadRequestError, () => client.images.generate(words));
    deepStrictEqual(inWords.code, "image_not_generated");
    const image = await file("a.png");
    return { variation: await errorOf(OpenAI.NotFoundError, () => client.images.createVariation({ image })) };
  },

  async hosted_tool() {
    const tools = [{ type: "image_generation" }];
    const response = await client.responses.create({ model: PLAIN, input: "a cat", tools });
    const image = response.output.find((item) => item.type === "image_generation_call");
    deepStrictEqual([image.status, image.revised_prompt], ["completed", "a cat"]);
    isPng(image.result);
    const input = '[[picture={"prompt":"bluer","num_last_images_to_include":1}]]';
    const stream = client.responses.stream({ model: PLAIN, previous_response_id: response.id, input, tools });
    const events = await all(stream);
    ok(types(events).includes("response.image_generation_call.completed"), types(events).join());
    ok((await stream.finalResponse()).output.some((item) => item.type === "image_generation_call"));
    const content = '[[picture="a cat" then say=Here.]]';
    const chat = await client.chat.completions.create({ model: "codex-local", messages: [{ role: "user", content }] });
    ok(only(chat).message.images[0].image_url.url.startsWith("data:image/png;base64,"));
  },
});
