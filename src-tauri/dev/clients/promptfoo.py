"""promptfoo, with OpenAI's provider at our address, on both APIs."""

import json

from harness import API_KEY, BASE_URL, IMAGE, MODEL, SCHEMA, Terminal, run

PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CALLBACK = "async (json) => `Tool results: ${JSON.parse(json).city}: fine`"


def checks(api, function, parts):
    terminal = Terminal(PROMPTFOO_DISABLE_TELEMETRY="1", PROMPTFOO_DISABLE_UPDATE="1")

    def promptfoo(prompt, **more):
        provider = {"id": f"openai:{api}:{MODEL}", "config": {"apiBaseUrl": BASE_URL, "apiKey": API_KEY, **more}}
        tests = [{"vars": {"question": prompt}}]
        config = {"prompts": ["{{question}}"], "providers": [provider], "tests": tests}
        output = terminal.home / "output.json"
        terminal.run("promptfoo", "eval", "--no-cache", "-c", terminal.write("promptfoo.json", config), "-o", output)
        return json.loads(output.read_text())["results"]["results"][0]["response"]["output"]

    def tools(prompt):
        tool = {"type": "function", **function({"name": "get_weather", "parameters": PARAMETERS})}
        return promptfoo(prompt, tools=[tool], functionToolCallbacks={"get_weather": CALLBACK})

    def schema(prompt):
        named = {"name": "weather", "schema": SCHEMA, "strict": True}
        return promptfoo(prompt, response_format={"type": "json_schema", "json_schema": named, **named})

    def picture(prompt):
        return promptfoo(json.dumps([{"role": "user", "content": parts(prompt)}]))

    return {"answer": promptfoo, "tools": tools, "schema": schema, "picture": picture}


def chat_parts(prompt):
    return [{"type": "text", "text": prompt}, {"type": "image_url", "image_url": {"url": IMAGE}}]


def response_parts(prompt):
    return [{"type": "input_text", "text": prompt}, {"type": "input_image", "image_url": IMAGE}]


run("chat", **checks("chat", lambda function: {"function": function}, chat_parts))
run("responses", **checks("responses", lambda function: function, response_parts))
