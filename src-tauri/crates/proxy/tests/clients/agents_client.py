"""OpenAI's Agents SDK for Python: its quickstart, on both APIs.

`checks.py` explains how to run it. `agents_client.mjs` has the same checks.
"""

from agents import (
    Agent,
    OpenAIChatCompletionsModel,
    Runner,
    function_tool,
    set_default_openai_client,
    set_tracing_disabled,
)
from openai import AsyncOpenAI

from checks import PLAIN, check, equal, run
from library import SETTINGS

client = AsyncOpenAI(**SETTINGS)
set_default_openai_client(client, use_for_tracing=False)
set_tracing_disabled(True)


@function_tool
def get_weather(city: str) -> str:
    """The weather of a city."""
    return f"{city}: fine"


def answer(prompt, model=PLAIN, **more):
    agent = Agent(name="Assistant", instructions="Be brief.", model=model, **more)
    return Runner.run_sync(agent, prompt).final_output


def over_chat():
    return OpenAIChatCompletionsModel(model=PLAIN, openai_client=client)


@check
def quickstart():
    for model in (PLAIN, over_chat()):
        equal(answer('[[say="Hello there"]]', model), "Hello there", "text")


@check
def tool():
    for model in (PLAIN, over_chat()):
        text = answer('[[tool=get_weather:{"city":"Bonn"}]]', model, tools=[get_weather])
        equal(text, "Tool results: Bonn: fine", "text")


@check
def handoff():
    other = Agent(name="Other", instructions="Be kind.", model=PLAIN)
    equal(answer("[[tool=transfer_to_other:{} then say=Yes.]]", handoffs=[other]), "Yes.", "the other agent's text")


run()
