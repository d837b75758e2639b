"""smolagents, whose agents send a tool's result as a user's message."""

import base64
import io
import json

from PIL import Image
from smolagents import ChatMessage, OpenAIModel, ToolCallingAgent, tool

from harness import API_KEY, BASE_URL, MODEL, PNG, SCHEMA, call, run

model = OpenAIModel(MODEL, api_base=BASE_URL, api_key=API_KEY)


def messages(prompt, *parts):
    return [ChatMessage("user", [{"type": "text", "text": prompt}, *parts])]


@tool
def get_weather(city: str) -> str:
    """The weather of a city.

    Args:
        city: Its name.
    """
    # The result is the next prompt, so it has the next directive.
    return call("final_answer", answer=f"Tool results: {city}: fine")


def schema(prompt):
    format = {"type": "json_schema", "json_schema": {"name": "weather", "schema": SCHEMA, "strict": True}}
    return json.loads(model(messages(prompt), response_format=format).content)


def picture(prompt):
    image = Image.open(io.BytesIO(base64.b64decode(PNG)))
    return model(messages(prompt, {"type": "image", "image": image})).content


run(
    "chat",
    answer=lambda prompt: model(messages(prompt)).content,
    stream=lambda prompt: [delta.content for delta in model.generate_stream(messages(prompt))],
    tools=lambda prompt: ToolCallingAgent([get_weather], model, max_steps=3, verbosity_level=0).run(prompt),
    schema=schema,
    picture=picture,
)
