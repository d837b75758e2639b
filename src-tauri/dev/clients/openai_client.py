"""OpenAI's package for Python, on both APIs."""

from functools import partial

from openai import OpenAI

from harness import API_KEY, BASE_URL, MODEL, run
from openai_shapes import chat_checks, response_checks

client = OpenAI(base_url=BASE_URL, api_key=API_KEY, max_retries=0)

run("chat", **chat_checks(partial(client.chat.completions.create, model=MODEL)))
run("responses", **response_checks(partial(client.responses.create, model=MODEL)))
