"""The checks of packages that take OpenAI's requests: OpenAI's and LiteLLM's."""

import json

from harness import IMAGE, SCHEMA, get_weather

PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}
FUNCTION = {"name": "get_weather", "parameters": PARAMETERS, "strict": True}
FORMAT = {"name": "weather", "schema": SCHEMA, "strict": True}


def chat_checks(create):
    def ask(messages, **more):
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        return create(messages=messages, **more)

    def text(*request, **more):
        return ask(*request, **more).choices[0].message.content

    def tools(prompt):
        messages = [{"role": "user", "content": prompt}]
        offered = [{"type": "function", "function": FUNCTION}]
        while (message := ask(messages, tools=offered).choices[0].message).tool_calls:
            messages.append(message)
            for call in message.tool_calls:
                output = get_weather(**json.loads(call.function.arguments))
                messages.append({"role": "tool", "tool_call_id": call.id, "content": output})
        return message.content

    def picture(prompt):
        parts = [{"type": "text", "text": prompt}, {"type": "image_url", "image_url": {"url": IMAGE}}]
        return text([{"role": "user", "content": parts}])

    return {
        "answer": text,
        "stream": lambda prompt: [chunk.choices[0].delta.content for chunk in ask(prompt, stream=True)],
        "tools": tools,
        "schema": lambda prompt: json.loads(
            text(prompt, response_format={"type": "json_schema", "json_schema": FORMAT})
        ),
        "picture": picture,
    }


def response_checks(create):
    def text(prompt, **more):
        return create(input=prompt, **more).output_text

    def stream(prompt):
        events = create(input=prompt, stream=True)
        return [event.delta for event in events if event.type == "response.output_text.delta"]

    def tools(prompt):
        offered = [{"type": "function", **FUNCTION}]
        response = create(input=prompt, tools=offered)
        while calls := [item for item in response.output if item.type == "function_call"]:
            outputs = [(call.call_id, get_weather(**json.loads(call.arguments))) for call in calls]
            items = [{"type": "function_call_output", "call_id": id, "output": output} for id, output in outputs]
            response = create(input=items, tools=offered, previous_response_id=response.id)
        return response.output_text

    def picture(prompt):
        parts = [{"type": "input_text", "text": prompt}, {"type": "input_image", "image_url": IMAGE, "detail": "auto"}]
        return text([{"role": "user", "content": parts}])

    return {
        "answer": text,
        "stream": stream,
        "tools": tools,
        "schema": lambda prompt: json.loads(text(prompt, text={"format": {"type": "json_schema", **FORMAT}})),
        "picture": picture,
    }
