// Responses in the background, and what belongs to a response, with OpenAI's JavaScript library.
//
// `checks.py` explains how to run it. `python_background.py` has the same checks.

import { deepStrictEqual, ok } from "node:assert";
import { setTimeout } from "node:timers/promises";

import OpenAI from "openai";

import { PLAIN, all, run, words } from "./checks.mjs";
import { client, errorOf } from "./library.mjs";

const wordsText = (count) => words(count).join("");
const ask = (input, more = {}) => client.responses.create({ model: PLAIN, input, ...more });
const message = (role, content) => ({ role, content });
const textOf = (events) =>
  events
    .filter((event) => event.type === "response.output_text.delta")
    .map((event) => event.delta)
    .join("");

/** The first events of a response in the background, whose stream is then left. */
async function leave(prompt, count) {
  const events = [];
  for await (const event of await ask(prompt, { background: true, stream: true })) {
    events.push(event);
    if (events.length === count) break;
  }
  return events;
}

await run({
  async polled() {
    let response = await ask("[[words=3 every=20]]", { background: true });
    deepStrictEqual([response.status, response.background], ["queued", true]);
    while (["queued", "in_progress"].includes(response.status)) {
      await setTimeout(20);
      response = await client.responses.retrieve(response.id);
    }
    deepStrictEqual([response.status, response.output_text], ["completed", wordsText(3)]);
    const refused = await errorOf(OpenAI.BadRequestError, () => ask("Hi", { background: true, store: false }));
    deepStrictEqual(refused.param, "background");
  },

  async left_and_resumed() {
    const events = await leave("[[words=30 every=10]]", 8);
    const types = events.slice(0, 3).map((event) => event.type);
    deepStrictEqual(types, ["response.created", "response.queued", "response.in_progress"]);
    const { id } = events[0].response;
    const after = { stream: true, starting_after: events.at(-1).sequence_number };
    events.push(...(await all(client.responses.retrieve(id, after))));
    deepStrictEqual(
      events.map((event) => event.sequence_number),
      events.map((_, number) => number),
    );
    deepStrictEqual([textOf(events), events.at(-1).type], [wordsText(30), "response.completed"]);
    deepStrictEqual(await all(client.responses.retrieve(id, { stream: true })), events, "after the end");
    const foreground = await ask("[[words=1]]");
    const old = await errorOf(OpenAI.BadRequestError, () => client.responses.retrieve(foreground.id, { stream: true }));
    ok(old.message.includes("background=true"), old.message);
  },

  async resumed_by_the_helper() {
    const events = await leave("[[words=30 every=10]]", 8);
    const options = { response_id: events[0].response.id, starting_after: events.at(-1).sequence_number };
    const stream = client.responses.stream(options);
    const rest = await all(stream);
    deepStrictEqual(rest[0].sequence_number, 8);
    const final = await stream.finalResponse();
    deepStrictEqual([final.status, final.output_text], ["completed", wordsText(30)]);
  },

  async cancelled() {
    const { id } = await ask("[[words=500 every=20]]", { background: true });
    deepStrictEqual((await client.responses.cancel(id)).status, "cancelled");
    deepStrictEqual((await client.responses.cancel(id)).status, "cancelled");
    deepStrictEqual((await client.responses.retrieve(id)).status, "cancelled");
    await client.responses.delete(id);
    await errorOf(OpenAI.NotFoundError, () => client.responses.cancel(id));
  },

  async input_items() {
    const first = await ask("[[say=two]]");
    const input = [message("user", "three"), message("user", "[[words=1]]")];
    const second = await ask(input, { previous_response_id: first.id });
    const items = await all(client.responses.inputItems.list(second.id, { order: "asc", limit: 1 }));
    const texts = items.map((item) => item.content[0].text);
    deepStrictEqual(texts, ["[[say=two]]", "two", "three", "[[words=1]]"]);
    const query = { limit: 2, include: ["message.input_image.image_url"] };
    const page = await client.responses.inputItems.list(second.id, query);
    deepStrictEqual([page.data.map((item) => item.id), page.has_more], [[items[3].id, items[2].id], true]);
  },

  async input_tokens() {
    const count = await client.responses.inputTokens.count({ model: PLAIN, input: "Tell me a joke." });
    deepStrictEqual([count.object, count.input_tokens], ["response.input_tokens", 11]);
  },

  async compact() {
    const compacted = await client.responses.compact({ model: PLAIN, input: [message("user", "[[say=Ada]]")] });
    deepStrictEqual([compacted.object, compacted.output.length], ["response.compaction", 1]);
    const response = await ask([...compacted.output, message("user", "[[echo]]")]);
    ok(response.output_text.includes("Ada"), response.output_text);
  },
});
