"""Tools in chats with OpenAI's Python library: loops over several rounds, streams, and the deprecated functions.

`checks.py` explains how to run it. `node_tools.mjs` has the same checks, and one more for its tool runner.
"""

import json

import openai
from openai import pydantic_function_tool
from pydantic import BaseModel

from checks import AGENT, PLAIN, check, equal, expect, results, run
from library import chat, client, error_of, only, user

WEATHER = {
    "name": "get_weather",
    "description": "The weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
TIME = {"name": "get_time", "parameters": {"type": "object", "properties": {}}}
TOOLS = [{"type": "function", "function": function} for function in (WEATHER, TIME)]

TWO_CALLS = 'Weather? [[tool=get_weather:{"city": "Köln"} tool=get_time:{}]]'
COLOGNE = '{"city": "Köln"}'


class get_weather(BaseModel):
    """The weather of a city."""

    city: str


def calls_of(choice):
    """The calls at the end of an answer, as pairs of name and arguments."""
    equal(choice.finish_reason, "tool_calls", "finish_reason")
    calls = choice.message.tool_calls
    expect(all(call.type == "function" and call.id for call in calls), calls)
    equal(len({call.id for call in calls}), len(calls), "each call has a unique id")
    return [(call.function.name, call.function.arguments) for call in calls]


def with_outputs(choice, reverse=False):
    """The messages that continue after an answer with calls: the answer, and an output for each call."""
    outputs = [
        {"role": "tool", "tool_call_id": call.id, "content": f"{call.function.name} {call.function.arguments}"}
        for call in choice.message.tool_calls
    ]
    return [choice.message.to_dict(), *(reversed(outputs) if reverse else outputs)]


def loop(model):
    script = "tool=get_weather:" + COLOGNE + ' tool=get_time:{} then tool=get_weather:{"city":"Bonn"} then say="Both are fine."'
    messages = [{"role": "system", "content": "Be brief."}, user(f"Weather? [[{script}]]")]
    rounds = []
    while True:
        choice = only(chat(messages, model=model, tools=TOOLS, parallel_tool_calls=True))
        if choice.finish_reason != "tool_calls":
            break
        equal(choice.message.content, None, "content next to calls")
        rounds.append(calls_of(choice))
        messages += with_outputs(choice)
    equal(
        rounds,
        [[("get_weather", COLOGNE), ("get_time", "{}")], [("get_weather", '{"city":"Bonn"}')]],
        "the calls of each round",
    )
    equal((choice.message.content, choice.finish_reason), ("Both are fine.", "stop"), "the final answer")
    messages += [choice.message.to_dict(), user('And now? [[say="Still fine."]]')]
    equal(only(chat(messages, model=model, tools=TOOLS)).message.content, "Still fine.", "the next turn")
    return {"rounds": len(rounds)}


@check
def tool_loop():
    return loop(PLAIN)


@check
def agent_tool_loop():
    return loop(AGENT)


@check
def tool_results():
    first = only(chat(TWO_CALLS, tools=TOOLS))
    messages = [user(TWO_CALLS), *with_outputs(first, reverse=True)]
    final = only(chat(messages, tools=TOOLS))
    equal(results(final.message.content), ["get_time {}", f"get_weather {COLOGNE}"], "results in another order")
    equal(final.message.tool_calls, None, "calls of the final answer")
    again = only(chat(messages, tools=TOOLS))
    equal(results(again.message.content), results(final.message.content), "the same request again")
    foreign = json.loads(json.dumps(messages).replace(first.message.tool_calls[0].id, "call_of_another_day"))
    elsewhere = only(chat(foreign, tools=TOOLS))
    equal(results(elsewhere.message.content), results(final.message.content), "an unknown history")
    return {"text": final.message.content}


@check
def tool_stream():
    choices = [chunk.choices[0] for chunk in chat(TWO_CALLS, tools=TOOLS, stream=True)]
    calls = {}
    for piece in [piece for choice in choices for piece in choice.delta.tool_calls or []]:
        if piece.index not in calls:
            expect(piece.id and piece.type == "function" and piece.function.name, "id and name come first:", piece)
            calls[piece.index] = [piece.id, piece.function.name, ""]
        else:
            expect(piece.id in (None, calls[piece.index][0]), "another id:", piece)
            expect(not piece.function.name, "the name comes once:", piece)
        calls[piece.index][2] += piece.function.arguments or ""
    equal(list(calls), [0, 1], "indexes")
    equal([call[1:] for call in calls.values()], [["get_weather", COLOGNE], ["get_time", "{}"]], "calls")
    equal([choice.delta.role for choice in choices if choice.delta.role], ["assistant"], "the role comes once")
    equal([choice.finish_reason for choice in choices if choice.finish_reason], ["tool_calls"], "finish_reason")
    return {"chunks": len(choices)}


@check
def tool_stream_helper():
    tool = pydantic_function_tool(get_weather)
    done = []
    messages = [user(f'[[say="One moment." tool=get_weather:{COLOGNE}]]')]
    with client.chat.completions.stream(model=PLAIN, messages=messages, tools=[tool]) as stream:
        for event in stream:
            if event.type == "tool_calls.function.arguments.done":
                done.append((event.name, event.index, event.parsed_arguments))
    equal(done, [("get_weather", 0, get_weather(city="Köln"))], "the event with a complete call")
    choice = only(stream.get_final_completion())
    equal(choice.message.content, "One moment.", "text before the call")
    equal(calls_of(choice), [("get_weather", COLOGNE)], "calls")
    equal(choice.message.tool_calls[0].function.parsed_arguments, get_weather(city="Köln"), "parsed arguments")
    parsed = client.chat.completions.parse(model=PLAIN, messages=messages, tools=[tool])
    equal(only(parsed).message.tool_calls[0].function.parsed_arguments, get_weather(city="Köln"), "parsed without streaming")
    return {"text": choice.message.content}


@check
def tool_choice():
    def offered(choice):
        """The client's tools that the model sees, without a tool of codex's own."""
        seen = json.loads(only(chat("[[echo]]", tools=TOOLS, tool_choice=choice)).message.content)["tools"]
        return sorted({"get_time", "get_weather"}.intersection(seen))

    equal(offered("auto"), ["get_time", "get_weather"], "auto")
    equal(offered("none"), [], "none")
    named = {"type": "function", "function": {"name": "get_time"}}
    for choice in ("required", named):
        answer = only(chat("[[tool=get_time:{}]]", tools=TOOLS, tool_choice=choice))
        equal([call.function.name for call in answer.message.tool_calls], ["get_time"], choice)
    unknown = {"type": "function", "function": {"name": "get_lost"}}
    facts = error_of(openai.BadRequestError, lambda: chat("Hi", tools=TOOLS, tool_choice=unknown))
    broken = {"type": "function", "function": {"name": "f", "parameters": {"type": "objekt"}}}
    invalid = error_of(openai.BadRequestError, lambda: chat("Hi", tools=[*TOOLS, broken]))
    expect(invalid["param"].startswith("tools[2]"), "the tool is named:", invalid)
    return {"unknown": facts, "invalid": invalid}


@check
def functions():
    more = {"functions": [WEATHER, TIME], "function_call": "auto"}
    prompt = user(f"[[tool=get_weather:{COLOGNE}]]")
    choice = only(chat([prompt], **more))
    equal(choice.finish_reason, "function_call", "finish_reason")
    called = choice.message.function_call
    equal((called.name, called.arguments), ("get_weather", COLOGNE), "function_call")
    equal(choice.message.tool_calls, None, "the newer field")
    output = {"role": "function", "name": "get_weather", "content": "12 degrees"}
    final = only(chat([prompt, choice.message.to_dict(), output], **more))
    equal((final.message.content, final.finish_reason), ("Tool results: 12 degrees", "stop"), "the final answer")
    deltas = [chunk.choices[0].delta.function_call for chunk in chat([prompt], stream=True, **more)]
    pieces = [delta for delta in deltas if delta]
    equal(pieces[0].name, "get_weather", "the name comes first")
    equal("".join(piece.arguments or "" for piece in pieces), COLOGNE, "streamed arguments")
    return {"text": final.message.content}


run()
