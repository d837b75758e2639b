"""LlamaIndex, with its classes for any compatible API and for Responses."""

import asyncio
import base64

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock
from llama_index.llms.openai import OpenAIResponses
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel

from harness import API_KEY, BASE_URL, MODEL, PNG, get_weather, run

SETTINGS = {"model": MODEL, "api_base": BASE_URL, "api_key": API_KEY, "max_retries": 0}


class Weather(BaseModel):
    city: str
    degrees: int


def checks(model):
    async def tools(prompt):
        return str(await FunctionAgent(tools=[get_weather], llm=model).run(prompt))

    def picture(prompt):
        blocks = [TextBlock(text=prompt), ImageBlock(image=base64.b64decode(PNG), image_mimetype="image/png")]
        return model.chat([ChatMessage(blocks=blocks)]).message.content

    return {
        "answer": lambda prompt: model.complete(prompt).text,
        "stream": lambda prompt: [part.delta for part in model.stream_complete(prompt)],
        "tools": lambda prompt: asyncio.run(tools(prompt)),
        "schema": lambda prompt: model.as_structured_llm(Weather).complete(prompt).raw.model_dump(),
        "picture": picture,
    }


run("chat", **checks(OpenAILike(**SETTINGS, is_chat_model=True, is_function_calling_model=True, should_use_structured_outputs=True)))
run("responses", **checks(OpenAIResponses(**SETTINGS)))
