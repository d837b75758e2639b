"""Haystack, on both APIs."""

import json

from haystack.components.agents import Agent
from haystack.components.generators.chat import OpenAIChatGenerator, OpenAIResponsesChatGenerator
from haystack.dataclasses import ChatMessage, ImageContent
from haystack.tools import create_tool_from_function
from haystack.utils import Secret
from pydantic import BaseModel

from harness import API_KEY, BASE_URL, MODEL, PNG, get_weather, run


class Weather(BaseModel):
    city: str
    degrees: int


def checks(kind, format_name):
    def generator(**more):
        return kind(model=MODEL, api_key=Secret.from_token(API_KEY), api_base_url=BASE_URL, max_retries=0, **more)

    def ask(prompt, *parts, **more):
        message = ChatMessage.from_user(content_parts=[prompt, *parts])
        return generator(**more).run([message])["replies"][0].text

    def stream(prompt):
        deltas = []
        ask(prompt, streaming_callback=lambda chunk: deltas.append(chunk.content))
        return deltas

    def tools(prompt):
        agent = Agent(chat_generator=generator(), tools=[create_tool_from_function(get_weather)])
        return agent.run([ChatMessage.from_user(prompt)])["last_message"].text

    return {
        "answer": ask,
        "stream": stream,
        "tools": tools,
        "schema": lambda prompt: json.loads(ask(prompt, generation_kwargs={format_name: Weather})),
        "picture": lambda prompt: ask(prompt, ImageContent(PNG, mime_type="image/png")),
    }


run("chat", **checks(OpenAIChatGenerator, "response_format"))
run("responses", **checks(OpenAIResponsesChatGenerator, "text_format"))
