"""OpenAI's Python library against a running proxy with the sample model: models, chats, streams and errors.

`checks.py` explains how to run it. `node_client.mjs` has the same checks.
"""

import asyncio
import time

import openai
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

from checks import AGENT as MODEL
from checks import check, equal, expect, run, words
from library import SETTINGS, client, error_of


def params(prompt, **more):
    return {"model": MODEL, "messages": [{"role": "user", "content": prompt}], **more}


def chat(prompt, **more):
    return client.chat.completions.create(**params(prompt, **more))


@check
def models():
    listed = client.models.list()
    ids = [model.id for model in listed]
    expect(MODEL in ids, "codex-local must be listed:", ids)
    expect(all(model.object == "model" and model.created > 0 for model in listed), listed)
    return {"ids": ids}


@check
def retrieve():
    model = client.models.retrieve(MODEL)
    equal((model.id, model.object), (MODEL, "model"), "model")
    unknown = error_of(openai.NotFoundError, lambda: client.models.retrieve("no-such-model"))
    equal(unknown["code"], "model_not_found", "code")
    return {"id": model.id, "owned_by": model.owned_by, "unknown": unknown}


@check
def complete():
    answer = chat('[[say="Hello there" usage=20,5,7,2]]')
    choice, usage = answer.choices[0], answer.usage
    equal(answer.object, "chat.completion", "object")
    equal(choice.message.content, "Hello there", "text")
    equal(choice.message.role, "assistant", "role")
    equal(choice.finish_reason, "stop", "finish_reason")
    equal((usage.prompt_tokens, usage.completion_tokens, usage.total_tokens), (20, 7, 27), "usage")
    equal(usage.prompt_tokens_details.cached_tokens, 5, "cached tokens")
    equal(usage.completion_tokens_details.reasoning_tokens, 2, "reasoning tokens")
    expect(answer._request_id, "an answer needs its x-request-id")
    return {"text": choice.message.content, "model": answer.model, "usage": usage.to_dict()}


@check
def stream():
    pace = 0.02
    request = params(
        "[[words=10 every=20 usage=20,5,10,0]]", stream=True, stream_options={"include_usage": True}
    )
    texts, roles, finish_reasons, usages, ids, arrivals = [], [], [], [], set(), []
    chunks = 0
    with client.chat.completions.create(**request) as answer:
        for chunk in answer:
            chunks += 1
            ids.add((chunk.id, chunk.object, chunk.created, chunk.model))
            expect(not usages, "the usage must come last")
            if chunk.usage:
                equal(chunk.choices, [], "choices of the chunk with the usage")
                usages.append(chunk.usage.to_dict())
                continue
            choice = chunk.choices[0]
            if choice.delta.role:
                roles.append(choice.delta.role)
            if choice.delta.content:
                arrivals.append(time.monotonic())
                texts.append(choice.delta.content)
            if choice.finish_reason:
                finish_reasons.append(choice.finish_reason)
    spread = arrivals[-1] - arrivals[0]
    equal(texts, [f"word{n} " for n in range(1, 11)], "one chunk per word")
    equal(roles, ["assistant"], "the role comes once")
    equal(finish_reasons, ["stop"], "finish_reason")
    equal(len(ids), 1, "id, object, created and model are the same in every chunk")
    equal([usage["total_tokens"] for usage in usages], [30], "usage")
    # Half the model's pace: a busy machine may deliver late, but never early.
    expect(spread >= 9 * pace / 2, f"the words were not streamed: {spread:.3f} s from the first to the last")
    return {
        "text": "".join(texts),
        "chunks": chunks,
        "content_chunks": len(texts),
        "finish_reasons": finish_reasons,
        "usage": usages[0],
        "spread_ms": round(spread * 1000),
    }


@check
def stream_without_usage():
    chunks = list(chat("[[words=2]]", stream=True))
    expect(all(len(chunk.choices) == 1 for chunk in chunks), "every chunk has a choice:", chunks)
    expect(all("usage" not in chunk.model_fields_set for chunk in chunks), "usage was not requested:", chunks)
    return {"chunks": len(chunks)}


@check
def stream_helper():
    request = params(
        '[[say="Grüße an 世界 🙂" reasoning=1 usage=20,5,10,3]]', stream_options={"include_usage": True}
    )
    kinds = []
    with client.chat.completions.stream(**request) as answer:
        for event in answer:
            kinds.append(event.type)
        final = answer.get_final_completion()
    message = final.choices[0].message
    equal(message.content, "Grüße an 世界 🙂", "text")
    equal(message.role, "assistant", "role")
    equal(final.choices[0].finish_reason, "stop", "finish_reason")
    equal(final.usage.total_tokens, 30, "usage")
    equal(kinds.count("content.done"), 1, "content.done")
    expect(message.reasoning_content, "the helper collects the reasoning")
    return {
        "text": message.content,
        "deltas": kinds.count("content.delta"),
        "reasoning": message.reasoning_content,
        "usage": final.usage.to_dict(),
    }


@check
def concurrent():
    async def one(async_client):
        request = params("[[words=30 every=50]]", stream=True)
        times, text = [], ""
        async for chunk in await async_client.chat.completions.create(**request):
            if chunk.choices[0].delta.content:
                times.append(time.monotonic())
                text += chunk.choices[0].delta.content
        return times[0], times[-1], text

    async def all_of_them():
        async with AsyncOpenAI(**SETTINGS) as async_client:
            return await asyncio.gather(*(one(async_client) for _ in range(4)))

    started = time.monotonic()
    answers = asyncio.run(all_of_them())
    seconds = time.monotonic() - started
    for _, _, text in answers:
        equal(text, words(30), "text")
    last_start = max(first for first, _, _ in answers)
    # Each takes one and a half seconds, so none ends before the last has started.
    running = sum(last >= last_start for _, last, _ in answers)
    expect(running == 4, f"only {running} of 4 were running when the last started, {seconds:.1f} s in total")
    return {"chats": len(answers), "ran_together": running, "ms": round(seconds * 1000)}


@check
def wrong_key():
    unauthorized = OpenAI(**{**SETTINGS, "api_key": "sk-wrong"})
    facts = error_of(openai.AuthenticationError, lambda: unauthorized.chat.completions.create(**params("[[words=1]]")))
    equal((facts["status"], facts["code"]), (401, "invalid_api_key"), "status and code")
    error_of(openai.AuthenticationError, unauthorized.models.list)
    return facts


@check
def unknown_model():
    request = {**params("[[words=1]]"), "model": "no-such-model"}
    facts = error_of(openai.NotFoundError, lambda: client.chat.completions.create(**request))
    equal((facts["code"], facts["param"]), ("model_not_found", "model"), "code and param")
    return facts


@check
def no_messages():
    facts = error_of(openai.BadRequestError, lambda: client.chat.completions.create(model=MODEL, messages=[]))
    equal((facts["code"], facts["param"]), ("invalid_request", "messages"), "code and param")
    return facts


@check
def unsupported_parameter():
    facts = error_of(openai.BadRequestError, lambda: chat("[[words=1]]", logprobs=True))
    equal((facts["code"], facts["param"]), ("unsupported_parameter", "logprobs"), "code and param")
    return facts


@check
def headers():
    request = params("[[words=1]]", temperature=0.2, extra_headers={"x-request-id": "my-own-id"})
    answer = client.chat.completions.with_raw_response.create(**request)
    equal(answer.headers.get("x-codex-proxy-ignored"), "temperature", "x-codex-proxy-ignored")
    equal(answer.headers.get("x-request-id"), "my-own-id", "the client's own x-request-id")
    equal(answer.parse().choices[0].message.content, "word1 ", "text")
    plain = client.chat.completions.with_raw_response.create(**params("[[words=1]]"))
    equal(plain.headers.get("x-codex-proxy-ignored"), None, "x-codex-proxy-ignored when nothing was ignored")
    expect(plain.headers.get("x-request-id"), "an answer needs its x-request-id")
    with client.chat.completions.with_streaming_response.create(
        **params("[[words=1]]", stream=True, top_p=0.5)
    ) as streamed:
        equal(streamed.headers.get("x-codex-proxy-ignored"), "top_p", "x-codex-proxy-ignored of a stream")
        expect(streamed.headers["content-type"].startswith("text/event-stream"), streamed.headers["content-type"])
        streamed.read()
    return {
        "ignored": answer.headers["x-codex-proxy-ignored"],
        "own_request_id": answer.headers["x-request-id"],
        "request_id": plain.headers["x-request-id"],
    }


@check
def reasoning():
    message = chat("[[words=3 reasoning=1]]").choices[0].message
    equal(message.content, "word1 word2 word3 ", "text")
    expect(message.reasoning_content, "reasoning_content of a complete answer")
    reasoning_text, seen_text = "", False
    for chunk in chat("[[words=3 reasoning=1]]", stream=True):
        delta = chunk.choices[0].delta
        piece = getattr(delta, "reasoning_content", None)
        expect(not (piece and seen_text), "the reasoning comes before the text")
        reasoning_text += piece or ""
        seen_text = seen_text or bool(delta.content)
    equal(reasoning_text, message.reasoning_content, "reasoning_content of a stream")
    without = chat("[[words=1]]").choices[0].message
    expect(not hasattr(without, "reasoning_content"), "without reasoning the field is absent:", without)
    return {"text": message.content, "reasoning": message.reasoning_content}


@check
def schema():
    class Weather(BaseModel):
        city: str
        degrees: int

    answer = client.chat.completions.parse(**params("How is the weather?", response_format=Weather))
    parsed = answer.choices[0].message.parsed
    expect(isinstance(parsed, Weather), answer)
    return {"parsed": parsed.model_dump()}


@check
def closed_mid_stream():
    with chat("[[words=200 every=50]]", stream=True) as answer:
        read = 0
        for chunk in answer:
            read += bool(chunk.choices[0].delta.content)
            if read == 3:
                break
        started = time.monotonic()
    seconds = time.monotonic() - started
    expect(seconds < 2, f"closing took {seconds:.1f} s: was the rest read?")
    equal(chat('[[say="Still here"]]').choices[0].message.content, "Still here", "the next answer")
    return {"read": read, "ms": round(seconds * 1000)}


@check
def rate_limited():
    facts = error_of(openai.RateLimitError, lambda: chat("[[status=429]]"))
    equal((facts["status"], facts["code"]), (429, "rate_limit_exceeded"), "status and code")
    expect(int(facts["retry_after"]) > 0, facts)
    streamed = error_of(openai.RateLimitError, lambda: list(chat("[[status=429]]", stream=True)))
    equal(streamed["code"], "rate_limit_exceeded", "a stream that fails immediately is an HTTP error too")
    return facts


@check
def quota_exhausted():
    # A client with retries: it must see that retrying is pointless.
    retrying = OpenAI(**{**SETTINGS, "max_retries": 2})
    prompt = "[[status=429 type=usage_limit_reached limits=100,300,3600]]"
    facts = error_of(openai.RateLimitError, lambda: retrying.chat.completions.create(**params(prompt)))
    equal(facts["code"], "insufficient_quota", "code")
    equal(facts["tries"], 1, "tries")
    expect(int(facts["retry_after"]) > 3000, facts)
    return facts


@check
def fails_mid_stream():
    texts = []

    def read():
        for chunk in chat("[[words=3 failed=context_length_exceeded]]", stream=True):
            texts.append(chunk.choices[0].delta.content or "")

    facts = error_of(openai.APIError, read)
    equal("".join(texts), "word1 word2 word3 ", "what came before the error")
    equal(facts["code"], "context_length_exceeded", "code")
    return {**facts, "text": "".join(texts)}


run()
