"""Further chat features of OpenAI's Python library: images, structured output, several answers, limits.

`checks.py` explains how to run it. `node_chat.mjs` has the same checks.
"""

import json

import openai
from pydantic import BaseModel

from checks import IMAGE, PLAIN, check, equal, expect, run, words
from library import chat, client, error_of, error_of_any_status, only, user


class Weather(BaseModel):
    city: str
    degrees: int


@check
def image():
    def with_image(text, url=IMAGE, **more):
        return user([{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": url, **more}}])

    def model_input(messages):
        return [tuple(pair) for pair in json.loads(only(chat(messages)).message.content)["input"]]

    expect(("user", "[[echo]]\n[image]") in model_input([with_image("[[echo]]")]), "an image")
    history = [with_image("[[say=Red.]] What is it?", detail="low"), {"role": "assistant", "content": "Red."}]
    of_history = model_input([*history, user("[[echo]]")])
    expect(("user", "[[say=Red.]] What is it?\n[image]") in of_history, "an image in the history", of_history)
    no_image = "data:image/png;base64,bm8gaW1hZ2U="
    return {"no_image": error_of(openai.BadRequestError, lambda: chat([with_image("Hi", url=no_image)]))}


@check
def schema():
    request = {"model": PLAIN, "messages": [user("How is the weather?")], "response_format": Weather}
    parsed = only(client.chat.completions.parse(**request)).message.parsed
    expect(isinstance(parsed, Weather), parsed)
    snapshots = []
    with client.chat.completions.stream(**request) as stream:
        for event in stream:
            if event.type == "content.delta":
                snapshots.append(event.parsed)
    equal(only(stream.get_final_completion()).message.parsed, parsed, "parsed from a stream")
    broken = {**request, "messages": [user('[[say="It is warm."]]')]}
    # Incomplete JSON in a successful answer would raise the library's or pydantic's own error.
    facts = error_of_any_status(lambda: client.chat.completions.parse(**broken))
    return {"parsed": parsed.model_dump(), "deltas": len(snapshots), "broken": facts}


@check
def json_object():
    json_mode = {"type": "json_object"}
    text = only(chat('JSON, please. [[say="{\\"a\\": 1}"]]', response_format=json_mode)).message.content
    equal(json.loads(text), {"a": 1}, "valid JSON")
    prompt = 'JSON, please. [[say="{\\"a\\": "]]'
    return {"broken": error_of_any_status(lambda: chat(prompt, response_format=json_mode))}


@check
def several_answers():
    answer = chat("[[words=3 usage=10,0,4,0]]", n=3)
    equal([choice.index for choice in answer.choices], [0, 1, 2], "indexes")
    equal({choice.message.content for choice in answer.choices}, {words(3)}, "texts")
    equal(answer.usage.completion_tokens, 12, "the tokens of all answers")
    texts, ends = {}, {}
    for chunk in chat("[[words=3]]", n=2, stream=True):
        for choice in chunk.choices:
            texts[choice.index] = texts.get(choice.index, "") + (choice.delta.content or "")
            if choice.finish_reason:
                ends[choice.index] = choice.finish_reason
    equal((texts, ends), ({0: words(3), 1: words(3)}, {0: "stop", 1: "stop"}), "streamed concurrently")
    return {"usage": answer.usage.to_dict()}


@check
def stop():
    for stop, text in ((["never", "word3"], words(2)), ("d2 wo", "word1 wor")):
        choice = only(chat("[[words=9]]", stop=stop))
        equal((choice.message.content, choice.finish_reason), (text, "stop"), stop)
        chunks = list(chat("[[words=9]]", stop=stop, stream=True))
        streamed = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        equal((streamed, chunks[-1].choices[0].finish_reason), (text, "stop"), f"{stop} in a stream")
    return error_of(openai.BadRequestError, lambda: chat("Hi", stop=["a", "b", "c", "d", "e"]))


@check
def max_tokens():
    for name in ("max_tokens", "max_completion_tokens"):
        answer = chat("[[words=50 every=5]]", **{name: 7})
        choice = only(answer)
        text = choice.message.content
        equal(choice.finish_reason, "length", name)
        expect(text and words(50).startswith(text) and len(text) < 50, name, text)
        expect(answer.usage.completion_tokens <= 7, answer.usage)
    chunks = list(chat("[[words=50 every=5]]", max_tokens=7, stream=True))
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    equal((streamed, chunks[-1].choices[0].finish_reason), (text, "length"), "in a stream")
    equal(only(chat("[[words=2]]", max_tokens=500)).finish_reason, "stop", "a limit that is not reached")
    return {"text": text}


@check
def effort():
    request = json.loads(only(chat("[[echo]]", reasoning_effort="high", verbosity="low")).message.content)
    equal(request["reasoning"]["effort"], "high", "reasoning_effort")
    equal(request["text"]["verbosity"], "low", "verbosity")
    return error_of(openai.BadRequestError, lambda: chat("Hi", reasoning_effort="endless"))


@check
def completions():
    answer = client.completions.create(model=PLAIN, prompt="[[words=3 usage=9,0,3,0]]", max_tokens=50)
    choice = only(answer)
    equal((choice.text, choice.finish_reason, answer.object), (words(3), "stop", "text_completion"), "complete")
    equal(answer.usage.total_tokens, 12, "usage")
    chunks = list(client.completions.create(model=PLAIN, prompt="[[words=3]]", stream=True))
    equal("".join(chunk.choices[0].text for chunk in chunks), words(3), "streamed")
    equal(chunks[-1].choices[0].finish_reason, "stop", "finish_reason")
    return {"text": choice.text}


run()
