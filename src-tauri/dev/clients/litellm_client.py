"""LiteLLM, on both APIs."""

from functools import partial

import litellm

from harness import API_KEY, BASE_URL, MODEL, run
from openai_shapes import chat_checks, response_checks

SETTINGS = {"model": f"openai/{MODEL}", "api_base": BASE_URL, "api_key": API_KEY, "num_retries": 0}

run("chat", **chat_checks(partial(litellm.completion, **SETTINGS)))
run("responses", **response_checks(partial(litellm.responses, **SETTINGS)))
