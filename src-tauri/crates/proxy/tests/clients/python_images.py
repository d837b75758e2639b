"""Images by OpenAI's Python library: generated, edited and streamed, and the tool of the Responses API.

`checks.py` explains how to run it. `node_images.mjs` has the same checks. codex must be signed in with ChatGPT.
"""

import base64

import openai

from checks import IMAGE, PLAIN, check, equal, expect, run
from library import client, error_of, only

PNG = base64.b64decode(IMAGE.split(",")[1])


def is_png(b64_json):
    return base64.b64decode(b64_json).startswith(b"\x89PNG\r\n\x1a\n")


@check
def generate():
    images = client.images.generate(model="gpt-image-2", prompt="a red cat", n=2)
    equal(len(images.data), 2, "images")
    for image in images.data:
        expect(is_png(image.b64_json), "a PNG")
        equal(image.revised_prompt, "a red cat", "the prompt")
    by_url = only_image(client.images.generate(prompt="a cat", response_format="url", background="transparent"))
    expect(by_url.url.startswith("data:image/png;base64,"), by_url.url[:40])
    return {"size": images.size, "usage": images.usage.to_dict()}


def only_image(images):
    equal(len(images.data), 1, "one image")
    return images.data[0]


@check
def stream():
    events = list(client.images.generate(model="gpt-image-2", prompt="a cat", stream=True, partial_images=2))
    equal([event.type for event in events], ["image_generation.completed"], "events")
    expect(is_png(events[0].b64_json), "a PNG")
    return {"size": events[0].size, "tokens": events[0].usage.total_tokens}


@check
def edit():
    image = only_image(client.images.edit(model="gpt-image-2", image=("a.png", PNG), prompt="make it blue"))
    expect(is_png(image.b64_json), "a PNG")
    several = client.images.edit(image=[("a.png", PNG), ("b.png", PNG)], mask=("m.png", PNG), prompt="merge them")
    expect(is_png(only_image(several).b64_json), "a PNG from several")
    events = list(client.images.edit(image=("a.png", PNG), prompt="make it blue", stream=True))
    equal([event.type for event in events], ["image_edit.completed"], "events")


@check
def errors():
    refused = 'a cat [[picture-status=400 message="Not that."]]'
    facts = error_of(openai.BadRequestError, lambda: client.images.generate(prompt=refused))
    equal(facts["message"], "Not that.", "the reason")
    words = '[[say="I cannot draw that."]]'
    facts = error_of(openai.BadRequestError, lambda: client.images.generate(prompt=words))
    equal(facts["code"], "image_not_generated", "words in place of an image")
    variation = lambda: client.images.create_variation(image=("a.png", PNG))
    return {"variation": error_of(openai.NotFoundError, variation)}


@check
def hosted_tool():
    tools = [{"type": "image_generation"}]
    response = client.responses.create(model=PLAIN, input="a cat", tools=tools)
    image = next(item for item in response.output if item.type == "image_generation_call")
    equal((image.status, image.revised_prompt), ("completed", "a cat"), "the item")
    expect(is_png(image.result), "a PNG")
    edit = '[[picture={"prompt":"bluer","num_last_images_to_include":1}]]'
    kinds = []
    with client.responses.stream(model=PLAIN, previous_response_id=response.id, input=edit, tools=tools) as stream:
        for event in stream:
            kinds.append(event.type)
        final = stream.get_final_response()
    expect("response.image_generation_call.completed" in kinds, kinds)
    expect(any(item.type == "image_generation_call" for item in final.output), "edited")
    chat = client.chat.completions.create(
        model="codex-local", messages=[{"role": "user", "content": '[[picture="a cat" then say=Here.]]'}]
    )
    url = only(chat).message.images[0]["image_url"]["url"]
    expect(url.startswith("data:image/png;base64,"), "an image in a chat")


run()
