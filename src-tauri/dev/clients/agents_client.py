"""OpenAI's Agents SDK for Python, on both APIs."""

import asyncio

from agents import Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, function_tool, set_tracing_disabled
from openai import AsyncOpenAI
from pydantic import BaseModel

from harness import API_KEY, BASE_URL, IMAGE, MODEL, get_weather, run

set_tracing_disabled(True)
client = AsyncOpenAI(base_url=BASE_URL, api_key=API_KEY, max_retries=0)


class Weather(BaseModel):
    city: str
    degrees: int


def checks(model):
    def agent(**more):
        return Agent(name="Assistant", instructions="Be brief.", model=model, **more)

    def final(prompt, **more):
        return Runner.run_sync(agent(**more), prompt).final_output

    async def streamed(prompt):
        events = Runner.run_streamed(agent(), prompt).stream_events()
        return [event.data.delta async for event in events if getattr(event, "data", None) and event.data.type == "response.output_text.delta"]

    def picture(prompt):
        parts = [{"type": "input_text", "text": prompt}, {"type": "input_image", "image_url": IMAGE, "detail": "auto"}]
        return final([{"role": "user", "content": parts}])

    return {
        "answer": final,
        "stream": lambda prompt: asyncio.get_event_loop().run_until_complete(streamed(prompt)),
        "tools": lambda prompt: final(prompt, tools=[function_tool(get_weather)]),
        "schema": lambda prompt: final(prompt, output_type=Weather).model_dump(),
        "picture": picture,
    }


run("chat", **checks(OpenAIChatCompletionsModel(model=MODEL, openai_client=client)))
run("responses", **checks(OpenAIResponsesModel(model=MODEL, openai_client=client)))
