"""The Responses API with OpenAI's Python library.

`checks.py` explains how to run it. `node_responses.mjs` has the same checks.
"""

import json

import openai
from openai.lib.responses_tool_runner import RegisteredFunction, ResponsesToolRunner
from pydantic import BaseModel

from checks import AGENT, IMAGE, PLAIN, check, equal, expect, results, run, words
from library import client, error_of

COLOGNE = '{"city": "Köln"}'


def tool(name, **properties):
    closed = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    return {"type": "function", "name": name, "parameters": closed, "strict": True}


WEATHER, TIME = tool("get_weather", city={"type": "string"}), tool("get_time")
TOOLS = [WEATHER, TIME]
# Two rounds of calls, then an answer.
LOOP = (
    f"Weather? [[tool=get_weather:{COLOGNE} tool=get_time:{{}} then "
    'tool=get_weather:{"city":"Bonn"} then say="Both are fine."]]'
)
ROUNDS = [[("get_weather", COLOGNE), ("get_time", "{}")], [("get_weather", '{"city":"Bonn"}')]]


class Weather(BaseModel):
    city: str
    degrees: int


def ask(prompt, model=PLAIN, **more):
    return client.responses.create(model=model, input=prompt, **more)


def message(role, content):
    return {"role": role, "content": content}


def calls_of(response):
    return [item for item in response.output if item.type == "function_call"]


def outputs_of(response):
    """An output for each call of a response."""
    return [
        {"type": "function_call_output", "call_id": call.call_id, "output": f"{call.name} {call.arguments}"}
        for call in calls_of(response)
    ]


def pairs(response):
    return [(call.name, call.arguments) for call in calls_of(response)]


# A plain model's instructions when the client sends none.
DEFAULT_INSTRUCTIONS = ("developer", "You are a helpful assistant.")


def model_input(response):
    """The model's input, which it returns for the prompt [[echo]]."""
    return [tuple(pair) for pair in json.loads(response.output_text)["input"]]


@check
def complete():
    response = ask(
        '[[say="Hello there" usage=20,5,7,2]]', model=AGENT, instructions="Be brief.", metadata={"of": "a test"}
    )
    equal((response.object, response.status, response.error), ("response", "completed", None), "status")
    equal(response.output_text, "Hello there", "text")
    equal((response.instructions, response.metadata), ("Be brief.", {"of": "a test"}), "the request's values")
    usage = response.usage
    equal((usage.input_tokens, usage.output_tokens, usage.total_tokens), (20, 7, 27), "usage")
    equal(usage.input_tokens_details.cached_tokens, 5, "cached tokens")
    equal(usage.output_tokens_details.reasoning_tokens, 2, "reasoning tokens")
    expect(response._request_id, "an answer needs its x-request-id")
    return {"id": response.id, "model": response.model, "items": [item.type for item in response.output]}


@check
def items():
    part = {"type": "output_text", "text": "two", "annotations": []}
    response = ask(
        [
            message("developer", "be brief"),
            message("user", "one"),
            {"type": "message", "role": "assistant", "id": "msg_1", "status": "completed", "content": [part]},
            message("assistant", "three"),
            message("user", [{"type": "input_text", "text": "[[echo]]"}]),
        ],
    )
    expected = [("developer", "be brief"), ("user", "one"), ("assistant", "two"), ("assistant", "three"), ("user", "[[echo]]")]
    equal(model_input(response), expected, "the items in order")
    return {"items": len(expected)}


@check
def stream():
    events = list(ask("[[words=5 usage=20,5,10,0]]", stream=True))
    kinds = [event.type for event in events]
    # In this order, possibly with other events in between.
    order = [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    equal([kind for kind in order if kind in kinds], order, "event types")
    equal(sorted(order, key=kinds.index), order, "their order")
    equal((kinds[0], kinds[-1]), (order[0], order[-1]), "the first and last event")
    equal([event.sequence_number for event in events], list(range(len(events))), "sequence numbers")
    deltas = [event for event in events if event.type == "response.output_text.delta"]
    equal("".join(delta.delta for delta in deltas), words(5), "text")
    equal(len(deltas), 5, "one delta per word")
    final = events[-1].response
    equal({delta.item_id for delta in deltas}, {item.id for item in final.output if item.type == "message"}, "item")
    equal((events[0].response.id, events[0].response.status), (final.id, "in_progress"), "the initial response")
    equal((final.status, final.output_text, final.usage.total_tokens), ("completed", words(5), 30), "the final response")
    return {"events": len(events)}


@check
def stream_helper():
    deltas = 0
    prompt = '[[say="Grüße an 世界 🙂"]]'
    with client.responses.stream(model=PLAIN, input=prompt) as answer:
        for event in answer:
            deltas += event.type == "response.output_text.delta"
        final = answer.get_final_response()
    equal(final.output_text, "Grüße an 世界 🙂", "text")
    with client.responses.stream(model=PLAIN, input="How is it?", text_format=Weather) as answer:
        parsed = answer.get_final_response().output_parsed
    expect(isinstance(parsed, Weather), parsed)
    return {"deltas": deltas, "parsed": parsed.model_dump()}


@check
def parse():
    response = client.responses.parse(model=PLAIN, input="How is it?", text_format=Weather)
    expect(isinstance(response.output_parsed, Weather), response)
    equal(response.text.format.type, "json_schema", "the requested format")
    request = {"model": PLAIN, "input": '[[say="{\\"a\\": 1}"]] JSON, please.', "text": {"format": {"type": "json_object"}}}
    equal(json.loads(client.responses.create(**request).output_text), {"a": 1}, "json_object")
    return {"parsed": response.output_parsed.model_dump()}


@check
def tools():
    conversation, rounds = [message("user", LOOP)], []
    while True:
        response = ask(conversation, tools=TOOLS, store=False)
        if not calls_of(response):
            break
        equal(response.status, "completed", "the status of a response with calls")
        rounds.append(pairs(response))
        # As the library's documentation does it: every output item is sent back unchanged.
        conversation += [*(item.to_dict() for item in response.output), *reversed(outputs_of(response))]
    equal((rounds, response.output_text), (ROUNDS, "Both are fine."), "rounds by items")
    return {"rounds": len(rounds)}


@check
def tools_with_previous_response():
    response, rounds = ask(LOOP, tools=TOOLS), []
    while calls_of(response):
        rounds.append(pairs(response))
        response = ask(outputs_of(response), tools=TOOLS, previous_response_id=response.id)
    equal((rounds, response.output_text), (ROUNDS, "Both are fine."), "rounds by previous_response_id")
    missing = ask(f"[[tool=get_weather:{COLOGNE} tool=get_time:{{}}]]", tools=TOOLS)
    some = outputs_of(missing)[:1]
    facts = error_of(
        openai.BadRequestError, lambda: ask(some, tools=TOOLS, previous_response_id=missing.id)
    )
    both = ask(outputs_of(missing), tools=TOOLS, previous_response_id=missing.id)
    equal(results(both.output_text), ["get_time {}", f"get_weather {COLOGNE}"], "after the error")
    return {"missing": facts}


@check
def streamed_tools():
    events = list(ask(f"[[tool=get_weather:{COLOGNE} tool=get_time:{{}}]]", tools=TOOLS, stream=True))
    added = [event.item for event in events if event.type == "response.output_item.added"]
    calls = [item for item in added if item.type == "function_call"]
    equal([(call.name, call.arguments) for call in calls], [("get_weather", ""), ("get_time", "")], "added")
    arguments = {}
    for event in events:
        if event.type == "response.function_call_arguments.delta":
            arguments[event.item_id] = arguments.get(event.item_id, "") + event.delta
    equal([arguments.get(call.id) for call in calls], [COLOGNE, "{}"], "deltas")
    done = {event.item_id: event.arguments for event in events if event.type.endswith("arguments.done")}
    equal(done, arguments, "the event with the complete arguments")
    equal(pairs(events[-1].response), ROUNDS[0], "the final response")
    return {"events": len(events)}


@check
def tool_runner():
    called = []

    def weather(arguments):
        called.append(arguments["city"])
        return f"{arguments['city']}: fine"

    functions = [RegisteredFunction(WEATHER, weather), RegisteredFunction(TIME, lambda _: "noon")]
    for streamed in (False, True):
        called.clear()
        runner = ResponsesToolRunner(functions=functions)
        final = runner.run(client, {"model": PLAIN, "input": LOOP}, stream=streamed)
        equal((called, final.output_text), (["Köln", "Bonn"], "Both are fine."), f"stream={streamed}")
    return {"text": final.output_text}


@check
def previous_response():
    first = ask("[[say=One.]] Begin.", instructions="Be brief.")
    second = ask("[[echo]]", previous_response_id=first.id)
    equal(second.previous_response_id, first.id, "previous_response_id")
    conversation = [DEFAULT_INSTRUCTIONS, ("user", "[[say=One.]] Begin."), ("assistant", "One."), ("user", "[[echo]]")]
    equal(model_input(second), conversation, "the conversation; instructions apply to one response only")
    branch = ask("[[echo]]", previous_response_id=first.id)
    equal(model_input(branch), conversation, "another branch")
    third = ask([message("user", "[[echo]]")], previous_response_id=second.id)
    equal((model_input(third)[:3], len(model_input(third))), (conversation[:3], 6), "two steps back")
    return {"ids": [first.id, second.id, third.id]}


@check
def retrieve_and_delete():
    response = ask("[[say=Stored.]]")
    stored = client.responses.retrieve(response.id)
    equal(stored.to_dict(), response.to_dict(), "the stored response")
    client.responses.delete(response.id)
    gone = error_of(openai.NotFoundError, lambda: client.responses.retrieve(response.id))
    error_of(openai.NotFoundError, lambda: client.responses.delete(response.id))
    ephemeral = ask("[[say=Ephemeral.]]", store=False)
    error_of(openai.NotFoundError, lambda: client.responses.retrieve(ephemeral.id))
    after = error_of(openai.BadRequestError, lambda: ask("Hi", previous_response_id=response.id))
    equal((after["code"], after["param"]), ("previous_response_not_found", "previous_response_id"), "code and param")
    return {"gone": gone, "after": after}


@check
def image():
    parts = [{"type": "input_text", "text": "[[echo]]"}, {"type": "input_image", "image_url": IMAGE, "detail": "auto"}]
    equal(model_input(ask([message("user", parts)])), [DEFAULT_INSTRUCTIONS, ("user", "[[echo]]\n[image]")], "an image")
    return {}


@check
def reasoning():
    options = {"reasoning": {"effort": "low", "summary": "auto"}}
    response = ask("[[words=2 reasoning=2]]", **options)
    reasoning_items = [item for item in response.output if item.type == "reasoning"]
    summary = "".join(part.text for item in reasoning_items for part in item.summary)
    expect("Step 1" in summary and "Step 2" in summary, response.output)
    equal((response.output_text, response.output[-1].type), (words(2), "message"), "the text comes last")
    equal(response.reasoning.effort, "low", "effort")
    events = list(ask("[[words=2 reasoning=2]]", stream=True, **options))
    deltas = [event.delta for event in events if event.type == "response.reasoning_summary_text.delta"]
    equal("".join(deltas), summary, "the summary in a stream")
    sent = json.loads(ask("[[echo]]", **options).output_text)["reasoning"]
    equal(sent["effort"], "low", "the effort sent to the model")
    return {"summary": summary}


@check
def incomplete():
    response = ask("[[words=50 every=5]]", max_output_tokens=20)
    equal((response.status, response.incomplete_details.reason), ("incomplete", "max_output_tokens"), "status")
    expect(response.output_text and words(50).startswith(response.output_text), response.output_text)
    last = list(ask("[[words=50 every=5]]", max_output_tokens=20, stream=True))[-1]
    equal((last.type, last.response.output_text), ("response.incomplete", response.output_text), "in a stream")
    return {"text": response.output_text}


@check
def errors():
    unknown = error_of(openai.NotFoundError, lambda: ask("Hi", model="no-such-model"))
    equal((unknown["code"], unknown["param"]), ("model_not_found", "model"), "code and param")
    limited = error_of(openai.RateLimitError, lambda: ask("[[status=429]]", stream=True))
    equal(limited["code"], "rate_limit_exceeded", "a stream that fails immediately is an HTTP error")
    foreign = error_of(openai.BadRequestError, lambda: ask("Hi", tools=[{"type": "code_interpreter", "container": "c"}]))
    text, failed = "", None
    for event in ask("[[words=3 failed=context_length_exceeded]]", stream=True):
        text += event.delta if event.type == "response.output_text.delta" else ""
        failed = event if event.type == "response.failed" else failed
    expect(failed and failed.response.status == "failed", "the stream ends with response.failed:", failed)
    equal((text, failed.response.error.code), (words(3), "context_length_exceeded"), "the partial answer")
    return {"unknown": unknown, "foreign": foreign, "failed": failed.response.error.to_dict()}


run()
