"""OpenAI's library for Python, set up for the scripts that check it."""

import openai
from openai import OpenAI

from checks import API_KEY, BASE_URL, PLAIN, equal, expect

# The library would try again by itself and hide what the proxy said; the one check about that makes its own client.
SETTINGS = {"base_url": BASE_URL, "api_key": API_KEY, "max_retries": 0, "timeout": 60}
client = OpenAI(**SETTINGS)


def error_of(kind, call):
    """The facts of the error that `call` must raise."""
    try:
        answer = call()
    except openai.APIError as error:
        equal(type(error), kind, "class of the error")
        facts = {"class": type(error).__name__, "code": error.code, "param": error.param, "type": error.type}
        facts["message"] = error.body["message"]
        if isinstance(error, openai.APIStatusError):
            expect(error.request_id, "an error needs its x-request-id")
            facts |= {"status": error.status_code, "retry_after": error.response.headers.get("retry-after")}
            facts["tries"] = 1 + int(error.request.headers["x-stainless-retry-count"])
        return facts
    raise AssertionError(f"expected {kind.__name__}, got {answer!r}")


def error_of_any_status(call):
    """The facts of an error that is told before the answer has begun."""
    try:
        answer = call()
    except openai.APIStatusError as error:
        return {"status": error.status_code, "code": error.code, "message": error.body["message"]}
    raise AssertionError(f"expected an error, got {answer!r}")


def user(content):
    return {"role": "user", "content": content}


def chat(messages, model=PLAIN, **more):
    """A chat; a text is its one message."""
    if isinstance(messages, str):
        messages = [user(messages)]
    return client.chat.completions.create(model=model, messages=messages, **more)


def only(answer):
    """The one choice of an answer."""
    equal(len(answer.choices), 1, "choices")
    return answer.choices[0]
