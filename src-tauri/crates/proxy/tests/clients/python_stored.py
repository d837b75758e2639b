"""Conversations and stored chats with OpenAI's Python library.

`checks.py` explains how to run it. `node_stored.mjs` has the same checks.
"""

import openai

from checks import IMAGE, PLAIN, check, equal, expect, run, words
from library import client, error_of


def user(text):
    return {"role": "user", "content": text}


def texts(items):
    return [item.content[0].text for item in items if item.type == "message"]


def ask(conversation, prompt, **more):
    return client.responses.create(model=PLAIN, conversation=conversation, input=prompt, **more)


def store(prompt, label, **more):
    return client.chat.completions.create(
        model=PLAIN, messages=[user(prompt)], store=True, metadata={"label": label}, **more
    )


@check
def conversations():
    empty = client.conversations.create()
    equal((empty.object, empty.metadata), ("conversation", {}), "an empty conversation")
    conversation = client.conversations.create(items=[user("hi")], metadata={"topic": "demo"})
    equal(client.conversations.retrieve(conversation.id), conversation, "retrieved")
    updated = client.conversations.update(conversation.id, metadata={"topic": "other"})
    equal((updated.id, updated.metadata), (conversation.id, {"topic": "other"}), "updated")
    deleted = client.conversations.delete(conversation.id)
    equal((deleted.id, deleted.object, deleted.deleted), (conversation.id, "conversation.deleted", True), "deleted")
    missing = error_of(openai.NotFoundError, lambda: client.conversations.retrieve(conversation.id))
    return {"missing": missing}


@check
def conversation_items():
    conversation = client.conversations.create()
    image = {"role": "user", "content": [{"type": "input_image", "image_url": IMAGE, "detail": "low"}]}
    call = {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c", "output": "seen"}
    added = client.conversations.items.create(
        conversation.id, items=[*[user(str(n)) for n in range(5)], image, call, output]
    )
    equal(len(added.data), 8, "added")
    listed = list(client.conversations.items.list(conversation.id, limit=3, order="asc"))
    equal([item.id for item in listed], [item.id for item in added.data], "all pages, oldest first")
    latest = client.conversations.items.list(conversation.id, limit=2)
    equal(([item.type for item in latest.data], latest.has_more), (["function_call_output", "function_call"], True), "latest")
    equal(latest.get_next_page().data[0].content[0].detail, "low", "the next page")
    first = client.conversations.items.retrieve(listed[0].id, conversation_id=conversation.id)
    equal(texts([first]), ["0"], "retrieved")
    kept = client.conversations.items.delete(first.id, conversation_id=conversation.id)
    equal(kept.id, conversation.id, "the conversation stays")
    equal(len(list(client.conversations.items.list(conversation.id))), 7, "one less")
    again = lambda: client.conversations.items.retrieve(first.id, conversation_id=conversation.id)  # noqa: E731
    return {"missing": error_of(openai.NotFoundError, again)}


@check
def conversation_responses():
    conversation = client.conversations.create(items=[user("My name is Ada.")])
    first = ask(conversation.id, '[[say="Hello"]]')
    equal(first.conversation.id, conversation.id, "the response names it")
    events = list(ask({"id": conversation.id}, "[[words=2]]", stream=True, store=False))
    equal(events[-1].type, "response.completed", "a stream")
    items = list(client.conversations.items.list(conversation.id, order="asc"))
    expected = ["My name is Ada.", '[[say="Hello"]]', "Hello", "[[words=2]]", words(2)]
    equal(texts(items), expected, "input and output are added")
    both = lambda: ask(conversation.id, "Hi", previous_response_id=first.id)  # noqa: E731
    return {"both": error_of(openai.BadRequestError, both)}


@check
def stored_chats():
    chats = [store(f"[[words={n + 1}]]", label) for n, label in enumerate("aba")]
    ids = [chat.id for chat in chats]
    listed = [chat.id for chat in client.chat.completions.list(limit=2) if chat.id in ids]
    equal(listed, ids, "all pages")
    of_a = client.chat.completions.list(metadata={"label": "a"}, model=chats[0].model, order="desc")
    equal([chat.id for chat in of_a if chat.id in ids], [ids[2], ids[0]], "by label, latest first")
    found = client.chat.completions.retrieve(ids[1])
    equal((found.choices[0].message.content, found.usage), (words(2), chats[1].usage), "retrieved")
    updated = client.chat.completions.update(ids[1], metadata={"label": "c"})
    equal(updated.metadata, {"label": "c"}, "updated")
    deleted = [client.chat.completions.delete(id) for id in ids]
    equal([one.deleted for one in deleted], [True] * 3, "deleted")
    equal(deleted[0].object, "chat.completion.deleted", "object")
    return {"missing": error_of(openai.NotFoundError, lambda: client.chat.completions.retrieve(ids[0]))}


@check
def stored_chat_messages():
    parts = [{"type": "text", "text": "[[words=1]]"}, {"type": "image_url", "image_url": {"url": IMAGE}}]
    messages = [{"role": "developer", "content": "Be brief."}, user("Hi"), {"role": "user", "content": parts}]
    chat = client.chat.completions.create(model=PLAIN, messages=messages, store=True)
    listed = list(client.chat.completions.messages.list(chat.id, limit=1))
    equal([message.content for message in listed], ["Be brief.", "Hi", None], "all pages")
    equal(listed[2].content_parts[0].text, "[[words=1]]", "parts")
    last = client.chat.completions.messages.list(chat.id, order="desc", limit=1).data[0]
    equal(last.id, listed[2].id, "latest first")
    return {"messages": len(listed)}


@check
def stored_chat_streams():
    chunks = list(store("[[words=3]]", "streamed", stream=True))
    found = client.chat.completions.retrieve(chunks[0].id)
    equal(found.choices[0].message.content, words(3), "stored")
    expect(found.usage.total_tokens > 0, found)
    plain = client.chat.completions.create(model=PLAIN, messages=[user("[[words=1]]")])
    missing = error_of(openai.NotFoundError, lambda: client.chat.completions.retrieve(plain.id))
    return {"missing": missing}


run()
