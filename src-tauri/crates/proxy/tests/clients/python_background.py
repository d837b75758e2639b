"""Responses in the background, and what belongs to a response, with OpenAI's Python library.

`checks.py` explains how to run it. `node_background.mjs` has the same checks.
"""

import time
from typing import get_type_hints

import openai
from openai.types.responses.response_create_params import ResponseCreateParamsBase

from checks import PLAIN, check, equal, expect, run, words
from library import client, error_of


def ask(prompt, **more):
    return client.responses.create(model=PLAIN, input=prompt, **more)


def message(role, content):
    return {"role": role, "content": content}


def text_of(events):
    return "".join(event.delta for event in events if event.type == "response.output_text.delta")


def leave(prompt, count):
    """The first events of a response in the background, whose stream is then left."""
    events = []
    with ask(prompt, background=True, stream=True) as stream:
        for event in stream:
            events.append(event)
            if len(events) == count:
                return events


@check
def polled():
    response = ask("[[words=3 every=20]]", background=True)
    equal((response.status, response.background), ("queued", True), "the created response")
    while response.status in ("queued", "in_progress"):
        time.sleep(0.02)
        response = client.responses.retrieve(response.id)
    equal((response.status, response.output_text), ("completed", words(3)), "the last status")
    refused = error_of(openai.BadRequestError, lambda: ask("Hi", background=True, store=False))
    equal(refused["param"], "background", "without store")


@check
def left_and_resumed():
    events = leave("[[words=30 every=10]]", 8)
    equal([event.type for event in events[:3]], ["response.created", "response.queued", "response.in_progress"], "types")
    response = events[0].response
    events += client.responses.retrieve(response.id, stream=True, starting_after=events[-1].sequence_number)
    equal([event.sequence_number for event in events], list(range(len(events))), "every event once")
    equal((text_of(events), events[-1].type), (words(30), "response.completed"), "the text")
    again = list(client.responses.retrieve(response.id, stream=True))
    equal(again, events, "after the end")
    foreground = ask("[[words=1]]")
    old = error_of(openai.BadRequestError, lambda: client.responses.retrieve(foreground.id, stream=True))
    expect("background=true" in old["message"], old)


@check
def resumed_by_the_helper():
    events = leave("[[words=30 every=10]]", 8)
    with client.responses.stream(response_id=events[0].response.id, starting_after=events[-1].sequence_number) as stream:
        rest = [event for event in stream]
        final = stream.get_final_response()
    expect(rest[0].sequence_number == 8, rest[0])
    equal((final.status, final.output_text), ("completed", words(30)), "the final response")


@check
def cancelled():
    response = ask("[[words=500 every=20]]", background=True)
    equal(client.responses.cancel(response.id).status, "cancelled", "the answer")
    equal(client.responses.cancel(response.id).status, "cancelled", "again")
    equal(client.responses.retrieve(response.id).status, "cancelled", "later")
    client.responses.delete(response.id)
    error_of(openai.NotFoundError, lambda: client.responses.cancel(response.id))


@check
def input_items():
    first = ask("[[say=two]]")
    second = ask([message("user", "three"), message("user", "[[words=1]]")], previous_response_id=first.id)
    items = list(client.responses.input_items.list(second.id, order="asc", limit=1))
    texts = [item.content[0].text for item in items]
    equal(texts, ["[[say=two]]", "two", "three", "[[words=1]]"], "all pages")
    page = client.responses.input_items.list(second.id, limit=2, include=["message.input_image.image_url"])
    equal(([item.id for item in page.data], page.has_more), ([items[3].id, items[2].id], True), "the latest page")


@check
def input_tokens():
    count = client.responses.input_tokens.count(model=PLAIN, input="Tell me a joke.")
    equal((count.object, count.input_tokens), ("response.input_tokens", 11), "the count")


@check
def compact():
    compacted = client.responses.compact(model=PLAIN, input=[message("user", "[[say=Ada]]")])
    equal(compacted.object, "response.compaction", "the object")
    [item] = compacted.output
    equal(item.type, "compaction", "the item")
    response = ask([item.to_dict(), message("user", "[[echo]]")])
    expect("Ada" in response.output_text, response.output_text)


@check
def parameters():
    """The parameters that this release of the package knows."""
    return {"names": sorted({*get_type_hints(ResponseCreateParamsBase), "stream"})}


run()
