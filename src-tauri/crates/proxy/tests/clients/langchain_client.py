"""LangChain's ChatOpenAI against a running proxy, with chat completions and with the Responses API.

`checks.py` explains how to run it.
"""

import asyncio
import json

import openai
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, Field

from checks import API_KEY, BASE_URL, IMAGE, PLAIN, PNG, check, equal, expect, results, run, words

SETTINGS = {"model": PLAIN, "base_url": BASE_URL, "api_key": API_KEY, "max_retries": 0, "timeout": 60}
chat = ChatOpenAI(**SETTINGS, stream_usage=True)
responses = ChatOpenAI(**SETTINGS, use_responses_api=True)
BOTH = {"chat": chat, "responses": responses}

# Two rounds of calls, then an answer.
LOOP = (
    'Weather? [[tool=get_weather:{"city": "Köln"} tool=get_time:{} then '
    'tool=get_weather:{"city":"Bonn"} then say="Both are fine."]]'
)


@tool
def get_weather(city: str) -> str:
    """The weather of a city."""
    return f"{city}: fine"


@tool
def get_time() -> str:
    """The time."""
    return "noon"


TOOLS = {"get_weather": get_weather, "get_time": get_time}


class Weather(BaseModel):
    """The weather of a city."""

    city: str = Field(description="Its name")
    degrees: int


@check
def invoke():
    for name, model in BOTH.items():
        answer = model.invoke([SystemMessage("Be brief."), HumanMessage('[[say="Hello there" usage=20,5,7,2]]')])
        equal(answer.text, "Hello there", name)
        usage = answer.usage_metadata
        equal((usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]), (20, 7, 27), name)
        equal(usage["input_token_details"]["cache_read"], 5, name)
        equal(usage["output_token_details"]["reasoning"], 2, name)
    return {"model": answer.response_metadata["model_name"]}


@check
def stream():
    for name, model in BOTH.items():
        deltas, message = [], None
        for chunk in model.stream("[[words=5 usage=20,5,10,0]]"):
            deltas += [chunk.text] if chunk.text else []
            message = chunk if message is None else message + chunk
        equal(deltas, [f"word{n} " for n in range(1, 6)], name)
        equal((message.text, message.usage_metadata["total_tokens"]), (words(5), 30), name)
    return {"deltas": len(deltas)}


@check
def concurrent():
    prompts = [f"[[say=answer{n} every=20]]" for n in range(4)]
    expected = [f"answer{n}" for n in range(4)]
    for name, model in BOTH.items():
        equal([answer.text for answer in model.batch(prompts)], expected, f"batch of {name}")
    for name, answers in asyncio.run(asynchronously(prompts)).items():
        equal([answer.text for answer in answers], expected, f"async of {name}")
    return {"chats": 4 * len(prompts)}


async def asynchronously(prompts):
    # In one event loop: LangChain's models share a client, whose connections close with their loop.
    return {
        name: await asyncio.gather(*(model.ainvoke(prompt) for prompt in prompts)) for name, model in BOTH.items()
    }


def loop(model, streamed):
    bound = model.bind_tools(list(TOOLS.values()))
    messages, rounds = [HumanMessage(LOOP)], []
    while True:
        if streamed:
            answer = None
            for chunk in bound.stream(messages):
                answer = chunk if answer is None else answer + chunk
        else:
            answer = bound.invoke(messages)
        messages.append(answer)
        equal(answer.invalid_tool_calls, [], "invalid calls")
        if not answer.tool_calls:
            return messages, rounds, answer.text
        rounds.append([(call["name"], call["args"]) for call in answer.tool_calls])
        messages += [TOOLS[call["name"]].invoke(call) for call in answer.tool_calls]


@check
def tool_loop():
    expected = [[("get_weather", {"city": "Köln"}), ("get_time", {})], [("get_weather", {"city": "Bonn"})]]
    for name, model in BOTH.items():
        for streamed in (False, True):
            messages, rounds, text = loop(model, streamed)
            equal((rounds, text), (expected, "Both are fine."), f"{name}, streamed: {streamed}")
            outputs = [message.content for message in messages if isinstance(message, ToolMessage)]
            equal(outputs, ["Köln: fine", "noon", "Bonn: fine"], "the tools' outputs")
    return {"rounds": len(rounds)}


@check
def tool_results():
    call = {"id": "call_elsewhere", "name": "get_time", "args": {}, "type": "tool_call"}
    history = [
        HumanMessage("Time? [[tool=get_time:{}]]"),
        AIMessage("", tool_calls=[call]),
        ToolMessage("noon", tool_call_id="call_elsewhere"),
    ]
    for name, model in BOTH.items():
        answer = model.bind_tools([get_time]).invoke(history)
        equal(results(answer.text), ["noon"], f"an unknown history, {name}")
    return {"text": answer.text}


@check
def structured_output():
    weather_data = {"city": "Köln", "degrees": 7}
    prompts = {
        "json_schema": "How is the weather?",
        "function_calling": f"How is the weather? [[tool=Weather:{json.dumps(weather_data, ensure_ascii=False)}]]",
        "json_mode": f"JSON, please. [[say={json.dumps(json.dumps(weather_data, ensure_ascii=False))}]]",
    }
    parsed = {}
    for name, model in BOTH.items():
        for method, prompt in prompts.items():
            answer = model.with_structured_output(Weather, method=method, include_raw=True).invoke(prompt)
            equal(answer["parsing_error"], None, f"{name}, {method}")
            parsed[method] = answer["parsed"]
            expect(isinstance(parsed[method], Weather), name, method, answer)
        equal(parsed["function_calling"], Weather(**weather_data), name)
        equal(parsed["json_mode"], Weather(**weather_data), name)
    return {method: weather.model_dump() for method, weather in parsed.items()}


@check
def image():
    text = {"type": "text", "text": "[[echo]]"}
    forms = {
        "OpenAI's": {"type": "image_url", "image_url": {"url": IMAGE}},
        "LangChain's": {"type": "image", "base64": PNG, "mime_type": "image/png"},
    }
    for name, model in BOTH.items():
        for form, block in forms.items():
            sent = json.loads(model.invoke([HumanMessage([text, block])]).text)["input"]
            expect(["user", "[[echo]]\n[image]"] in sent, f"{form} format, {name}:", sent)
    return {"forms": list(forms)}


@check
def limits():
    short = chat.bind(stop=["word3"]).invoke("[[words=9]]")
    equal((short.text, short.response_metadata["finish_reason"]), (words(2), "stop"), "stop")
    limited = ChatOpenAI(**SETTINGS, max_tokens=7).invoke("[[words=50 every=5]]")
    equal(limited.response_metadata["finish_reason"], "length", "max_tokens")
    return {"text": limited.text}


@check
def previous_response():
    stored = ChatOpenAI(**SETTINGS, use_responses_api=True, use_previous_response_id=True)
    first = stored.invoke("[[say=One.]] Begin.")
    second = stored.invoke([HumanMessage("[[say=One.]] Begin."), first, HumanMessage("[[echo]]")])
    sent = json.loads(second.text)["input"]
    expected = [["developer", "You are a helpful assistant."], ["user", "[[say=One.]] Begin."], ["assistant", "One."], ["user", "[[echo]]"]]
    equal(sent, expected, "each message once")
    return {"id": first.response_metadata["id"]}


@check
def errors():
    for name, model in BOTH.items():
        unknown = model.model_copy(update={"model_name": "no-such-model"})
        try:
            raise AssertionError(f"{name} answered {unknown.invoke('Hi')!r}")
        except openai.NotFoundError as error:
            equal(error.code, "model_not_found", name)
    return {}


run()
