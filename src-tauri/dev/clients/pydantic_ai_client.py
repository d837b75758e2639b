"""Pydantic AI, on both APIs."""

import base64

from pydantic import BaseModel
from pydantic_ai import Agent, BinaryContent
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.output import NativeOutput
from pydantic_ai.providers.openai import OpenAIProvider

from harness import API_KEY, BASE_URL, MODEL, PNG, get_weather, run


class Weather(BaseModel):
    city: str
    degrees: int


def checks(kind):
    model = kind(MODEL, provider=OpenAIProvider(base_url=BASE_URL, api_key=API_KEY))
    agent = Agent(model)
    image = BinaryContent(base64.b64decode(PNG), media_type="image/png")

    def stream(prompt):
        result = agent.run_stream_sync(prompt)
        return list(result.stream_text(delta=True, debounce_by=None))

    return {
        "answer": lambda prompt: agent.run_sync(prompt).output,
        "stream": stream,
        "tools": lambda prompt: Agent(model, tools=[get_weather]).run_sync(prompt).output,
        "schema": lambda prompt: Agent(model, output_type=NativeOutput(Weather)).run_sync(prompt).output.model_dump(),
        "picture": lambda prompt: agent.run_sync([prompt, image]).output,
    }


run("chat", **checks(OpenAIChatModel))
run("responses", **checks(OpenAIResponsesModel))
