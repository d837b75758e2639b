"""Instructor, on both APIs: it is for schemas, which it sends as an answer's format or as a tool."""

import instructor
from instructor.processing.multimodal import Image
from pydantic import BaseModel

from harness import API_KEY, BASE_URL, IMAGE, MODEL, WEATHER, call, run, say


class Weather(BaseModel):
    city: str
    degrees: int


def client(mode):
    return instructor.from_provider(f"openai/{MODEL}", base_url=BASE_URL, api_key=API_KEY, mode=mode)


def weather(mode, prompt):
    messages = [{"role": "user", "content": prompt}]
    return client(mode).create(response_model=Weather, messages=messages, max_retries=0).model_dump()


def stream(_):
    messages = [{"role": "user", "content": say('{"city":"word1 word2 word3 word4 word5","degrees":7}')}]
    seen = ""
    for part in client(instructor.Mode.JSON_SCHEMA).create_partial(response_model=Weather, messages=messages):
        yield (part.city or "")[len(seen) :]
        seen = part.city or ""


def picture(prompt):
    messages = [{"role": "user", "content": [prompt, Image.from_base64(IMAGE)]}]
    completion = client(instructor.Mode.JSON_SCHEMA).create(response_model=None, messages=messages)
    return completion.choices[0].message.content


def as_tool(mode):
    return lambda _: weather(mode, call("Weather", **WEATHER))


run("chat", stream=stream, schema=lambda prompt: weather(instructor.Mode.JSON_SCHEMA, prompt), picture=picture)
run("chat, schema as a tool", schema=as_tool(instructor.Mode.TOOLS))
run("responses", schema=as_tool(instructor.Mode.RESPONSES_TOOLS))
