"""DSPy, on both APIs."""

import asyncio
import json

import dspy

from harness import API_KEY, BASE_URL, IMAGE, MODEL, get_weather, run, say


def checks(api):
    model = dspy.LM(f"openai/{MODEL}", model_type=api, api_base=BASE_URL, api_key=API_KEY, num_retries=0, cache=False)
    dspy.configure(lm=model, adapter=dspy.JSONAdapter(use_native_function_calling=True))

    def text(result):
        return result if isinstance(result, str) else result["text"]

    async def stream(_):
        listener = dspy.streaming.StreamListener("answer")
        program = dspy.streamify(dspy.Predict("question -> answer"), stream_listeners=[listener])
        prompt = say(json.dumps({"answer": "word1 word2 word3 word4 word5 and some more words for its buffer of ten tokens"}))
        parts = [part async for part in program(question=prompt)]
        return [part.chunk for part in parts if isinstance(part, dspy.streaming.StreamResponse)]

    def tools(prompt):
        # A call, and no loop: DSPy's agents send a user's message after the results, which has no directives.
        predict = dspy.Predict("question, tools: list[dspy.Tool] -> calls: dspy.ToolCalls")
        called = predict(question=prompt, tools=[dspy.Tool(get_weather)]).calls.tool_calls
        return f"Tool results: {[get_weather(**call.args) for call in called]}"

    def picture(prompt):
        parts = [{"type": "text", "text": prompt}, {"type": "image_url", "image_url": {"url": IMAGE}}]
        return text(model(messages=[{"role": "user", "content": parts}])[0])

    return {
        "answer": lambda prompt: text(model(prompt)[0]),
        "stream": lambda prompt: asyncio.run(stream(prompt)),
        "tools": tools,
        "schema": lambda prompt: dict(dspy.Predict("question -> city: str, degrees: int")(question=prompt)),
        "picture": picture,
    }


run("chat", **checks("chat"))
run("responses", **checks("responses"))
