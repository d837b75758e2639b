"""Qwen Code, on both APIs."""

import json

from harness import API_KEY, BASE_URL, MODEL, SCHEMA, WEATHER, Terminal, call, run


def checks(kind):
    terminal = Terminal(OPENAI_BASE_URL=BASE_URL, OPENAI_API_KEY=API_KEY, OPENAI_MODEL=MODEL)

    def qwen(prompt, *more):
        return terminal.stream("qwen", "--yolo", "--auth-type", kind, "-m", MODEL, "-p", prompt, *more)

    def stream(prompt):
        for part in qwen(prompt, "-o", "stream-json", "--include-partial-messages"):
            for line in part.splitlines():
                if '"text_delta"' in line:
                    yield json.loads(line)["event"]["delta"]["text"]

    return {
        "answer": lambda prompt: "".join(qwen(prompt)),
        "stream": stream,
        "tools": lambda _: "".join(qwen(call("read_file", file_path=str(terminal.work / "weather.txt")))),
        "schema": lambda _: json.loads("".join(qwen(call("structured_output", **WEATHER), "--json-schema", json.dumps(SCHEMA)))),
        "picture": lambda prompt: "".join(qwen(f"{prompt} @picture.png")),
    }


run("chat", **checks("openai"))
run("responses", **checks("openai-responses"))
