"""Responses over a WebSocket with OpenAI's Python library.

`checks.py` explains how to run it. `node_websocket.mjs` has the same checks.
"""

from openai import OpenAI

from checks import PLAIN, check, equal, expect, run
from library import SETTINGS, client

ENDS = ("response.completed", "response.failed", "response.incomplete", "error")


def answered(connection, prompt, **more):
    """The events of a response."""
    connection.response.create(model=PLAIN, input=prompt, **more)
    events = []
    for event in connection:
        events.append(event)
        if event.type in ENDS:
            return events


def text_of(events):
    equal(events[-1].type, "response.completed", "the last event")
    return "".join(part.text for item in events[-1].response.output if item.type == "message" for part in item.content)


@check
def conversation():
    with client.responses.connect() as connection:
        events = answered(connection, "[[words=3]]", store=False)
        deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
        equal("".join(deltas), "word1 word2 word3 ", "deltas")
        following = answered(connection, "[[say=more]]", previous_response_id=events[-1].response.id, store=False)
        equal(text_of(following), "more", "the second answer")


@check
def tools():
    tool = {"type": "function", "name": "get_time", "parameters": {"type": "object", "properties": {}}}
    with client.responses.connect() as connection:
        last = answered(connection, "[[tool=get_time]]", tools=[tool])[-1].response
        output = {"type": "function_call_output", "call_id": last.output[0].call_id, "output": "noon"}
        events = answered(connection, [output], previous_response_id=last.id, tools=[tool])
        equal(text_of(events), "Tool results: noon", "the answer")


@check
def prepared():
    with client.responses.connect() as connection:
        first = answered(connection, "Remember green.", generate=False)
        equal([event.type for event in first], ["response.created", "response.in_progress", "response.completed"], "events")
        following = answered(connection, "[[echo]]", previous_response_id=first[-1].response.id)
        expect("Remember green." in text_of(following), following[-1])


@check
def lanes():
    with client.responses.connect() as connection:
        for lane in ("a", "b"):
            connection.response.create(model=PLAIN, input=f"[[say={lane}]]", stream_id=lane)
        ended = {}
        for event in connection:
            if event.type in ENDS:
                ended[event.stream_id] = text_of([event])
            if len(ended) == 2:
                break
        equal(ended, {"a": "a", "b": "b"}, "answers")


@check
def errors():
    with client.responses.connect() as connection:
        (event,) = answered(connection, "hi", previous_response_id="resp_unknown")
        equal((event.type, event.status, event.error.code), ("error", 400, "previous_response_not_found"), "the error")
        equal(text_of(answered(connection, "[[say=fine]]")), "fine", "the answer after it")
    stranger = OpenAI(**{**SETTINGS, "api_key": "sk-wrong"})
    try:
        with stranger.responses.connect():
            raise AssertionError("a wrong key connects")
    except Exception as error:
        expect("401" in str(error), error)


run()
