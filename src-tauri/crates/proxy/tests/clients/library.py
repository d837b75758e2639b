"""OpenAI's Python library, configured for the check scripts."""

import openai
from openai import OpenAI

from checks import API_KEY, BASE_URL, PLAIN, equal, expect

# Retries by the library would hide the proxy's response; the check for retries creates its own client.
SETTINGS = {"base_url": BASE_URL, "api_key": API_KEY, "max_retries": 0, "timeout": 60}
client = OpenAI(**SETTINGS)


def error_of(kind, call):
    """The details of the error that `call` must raise."""
    try:
        answer = call()
    except openai.APIError as error:
        equal(type(error), kind, "error class")
        facts = {"class": type(error).__name__, "code": error.code, "param": error.param, "type": error.type}
        facts["message"] = error.body["message"]
        if isinstance(error, openai.APIStatusError):
            expect(error.request_id, "an error needs its x-request-id")
            facts |= {"status": error.status_code, "retry_after": error.response.headers.get("retry-after")}
            facts["tries"] = 1 + int(error.request.headers["x-stainless-retry-count"])
        return facts
    raise AssertionError(f"expected {kind.__name__}, got {answer!r}")


def error_of_any_status(call):
    """The details of an error that is raised before the answer has started."""
    try:
        answer = call()
    except openai.APIStatusError as error:
        return {"status": error.status_code, "code": error.code, "message": error.body["message"]}
    raise AssertionError(f"expected an error, got {answer!r}")


def user(content):
    return {"role": "user", "content": content}


def chat(messages, model=PLAIN, **more):
    """Creates a chat completion; a string is sent as the only message."""
    if isinstance(messages, str):
        messages = [user(messages)]
    return client.chat.completions.create(model=model, messages=messages, **more)


def only(answer):
    """The only choice of an answer."""
    equal(len(answer.choices), 1, "choices")
    return answer.choices[0]
