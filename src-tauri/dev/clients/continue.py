"""Continue's command line."""

from harness import API_KEY, BASE_URL, MODEL, Terminal, call, run

terminal = Terminal()
config = terminal.write(
    "config.yaml",
    f"""
name: Codex
version: 1.0.0
schema: v1
models:
  - name: Codex
    provider: openai
    model: {MODEL}
    apiBase: {BASE_URL}
    apiKey: {API_KEY}
    capabilities: [tool_use, image_input]
    roles: [chat, edit, apply]
""",
)


def cn(prompt, *more):
    return terminal.run("cn", "--config", config, "--auto", "-p", prompt, *more)


run(
    "chat",
    answer=cn,
    tools=lambda _: cn(call("Read", filepath=str(terminal.work / "weather.txt"))),
)
