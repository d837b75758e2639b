// Conversations and stored chats with OpenAI's JavaScript library.
//
// `checks.py` explains how to run it. `python_stored.py` has the same checks.

import { deepStrictEqual, ok } from "node:assert";

import OpenAI from "openai";

import { IMAGE, PLAIN, all, run, words } from "./checks.mjs";
import { client, errorOf } from "./library.mjs";

const wordsText = (count) => words(count).join("");
const user = (text) => ({ role: "user", content: text });
const texts = (items) => items.filter(({ type }) => type === "message").map(({ content }) => content[0].text);
const ids = (list) => list.map(({ id }) => id);
const ask = (conversation, input, more = {}) =>
  client.responses.create({ model: PLAIN, conversation, input, ...more });
const store = (prompt, label, more = {}) =>
  client.chat.completions.create({ model: PLAIN, messages: [user(prompt)], store: true, metadata: { label }, ...more });

await run({
  async conversations() {
    const empty = await client.conversations.create();
    deepStrictEqual([empty.object, empty.metadata], ["conversation", {}], "an empty conversation");
    const conversation = await client.conversations.create({ items: [user("hi")], metadata: { topic: "demo" } });
    deepStrictEqual(await client.conversations.retrieve(conversation.id), conversation);
    const updated = await client.conversations.update(conversation.id, { metadata: { topic: "other" } });
    deepStrictEqual([updated.id, updated.metadata], [conversation.id, { topic: "other" }]);
    const deleted = await client.conversations.delete(conversation.id);
    deepStrictEqual(deleted, { id: conversation.id, object: "conversation.deleted", deleted: true });
    return { missing: await errorOf(OpenAI.NotFoundError, () => client.conversations.retrieve(conversation.id)) };
  },

  async conversation_items() {
    const { id } = await client.conversations.create();
    const image = { role: "user", content: [{ type: "input_image", image_url: IMAGE, detail: "low" }] };
    const call = { type: "function_call", call_id: "c", name: "look", arguments: "{}" };
    const output = { type: "function_call_output", call_id: "c", output: "seen" };
    const items = [...["0", "1", "2", "3", "4"].map(user), image, call, output];
    const added = await client.conversations.items.create(id, { items });
    deepStrictEqual(added.data.length, 8);
    const listed = await all(client.conversations.items.list(id, { limit: 3, order: "asc" }));
    deepStrictEqual(ids(listed), ids(added.data), "all pages, oldest first");
    const latest = await client.conversations.items.list(id, { limit: 2 });
    deepStrictEqual(latest.data.map(({ type }) => type), ["function_call_output", "function_call"]);
    ok(latest.hasNextPage());
    deepStrictEqual((await latest.getNextPage()).data[0].content[0].detail, "low", "the next page");
    const first = await client.conversations.items.retrieve(listed[0].id, { conversation_id: id });
    deepStrictEqual(texts([first]), ["0"]);
    deepStrictEqual((await client.conversations.items.delete(first.id, { conversation_id: id })).id, id);
    deepStrictEqual((await all(client.conversations.items.list(id))).length, 7, "one less");
    const again = () => client.conversations.items.retrieve(first.id, { conversation_id: id });
    return { missing: await errorOf(OpenAI.NotFoundError, again) };
  },

  async conversation_responses() {
    const { id } = await client.conversations.create({ items: [user("My name is Ada.")] });
    const first = await ask(id, '[[say="Hello"]]');
    deepStrictEqual(first.conversation, { id }, "the response names it");
    const events = await all(ask({ id }, "[[words=2]]", { stream: true, store: false }));
    deepStrictEqual(events.at(-1).type, "response.completed", "a stream");
    const items = await all(client.conversations.items.list(id, { order: "asc" }));
    const expected = ["My name is Ada.", '[[say="Hello"]]', "Hello", "[[words=2]]", wordsText(2)];
    deepStrictEqual(texts(items), expected, "input and output are added");
    const both = () => ask(id, "Hi", { previous_response_id: first.id });
    return { both: await errorOf(OpenAI.BadRequestError, both) };
  },

  async stored_chats() {
    const chats = [];
    for (const [index, label] of ["a", "b", "a"].entries()) chats.push(await store(`[[words=${index + 1}]]`, label));
    const own = ids(chats);
    const isOwn = ({ id }) => own.includes(id);
    deepStrictEqual(ids((await all(client.chat.completions.list({ limit: 2 }))).filter(isOwn)), own, "all pages");
    const query = { metadata: { label: "a" }, model: chats[0].model, order: "desc" };
    const ofA = (await all(client.chat.completions.list(query))).filter(isOwn);
    deepStrictEqual(ids(ofA), [own[2], own[0]], "by label, latest first");
    const found = await client.chat.completions.retrieve(own[1]);
    deepStrictEqual([found.choices[0].message.content, found.usage], [wordsText(2), chats[1].usage]);
    const updated = await client.chat.completions.update(own[1], { metadata: { label: "c" } });
    deepStrictEqual(updated.metadata, { label: "c" });
    for (const id of own) {
      const deleted = await client.chat.completions.delete(id);
      deepStrictEqual(deleted, { id, object: "chat.completion.deleted", deleted: true });
    }
    return { missing: await errorOf(OpenAI.NotFoundError, () => client.chat.completions.retrieve(own[0])) };
  },

  async stored_chat_messages() {
    const parts = [
      { type: "text", text: "[[words=1]]" },
      { type: "image_url", image_url: { url: IMAGE } },
    ];
    const messages = [{ role: "developer", content: "Be brief." }, user("Hi"), { role: "user", content: parts }];
    const chat = await client.chat.completions.create({ model: PLAIN, messages, store: true });
    const listed = await all(client.chat.completions.messages.list(chat.id, { limit: 1 }));
    deepStrictEqual(listed.map(({ content }) => content), ["Be brief.", "Hi", null], "all pages");
    deepStrictEqual(listed[2].content_parts, parts);
    const last = await client.chat.completions.messages.list(chat.id, { order: "desc", limit: 1 });
    deepStrictEqual(last.data[0].id, listed[2].id, "latest first");
    return { messages: listed.length };
  },

  async stored_chat_streams() {
    const chunks = await all(store("[[words=3]]", "streamed", { stream: true }));
    const found = await client.chat.completions.retrieve(chunks[0].id);
    deepStrictEqual(found.choices[0].message.content, wordsText(3));
    ok(found.usage.total_tokens > 0);
    const plain = await client.chat.completions.create({ model: PLAIN, messages: [user("[[words=1]]")] });
    return { missing: await errorOf(OpenAI.NotFoundError, () => client.chat.completions.retrieve(plain.id)) };
  },
});
