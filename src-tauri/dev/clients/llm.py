"""The command llm, with our models in its settings."""

import json

from harness import API_KEY, BASE_URL, MODEL, SCHEMA, Terminal, run

terminal = Terminal(CODEX_PROXY_KEY=API_KEY)
terminal.environment["LLM_USER_PATH"] = str(terminal.home)
terminal.write(
    "extra-openai-models.yaml",
    f"""
- model_id: codex
  model_name: {MODEL}
  api_base: {BASE_URL}
  api_key_name: codex
  supports_tools: true
  supports_schema: true
  vision: true
""",
)
terminal.write("keys.json", {"codex": API_KEY})
TOOL = """
def get_weather(city: str) -> str:
    "The weather of a city."
    return f"{city}: fine"
"""


def llm(prompt, *more):
    return terminal.stream("llm", "-m", "codex", prompt, *more)


run(
    "chat",
    answer=lambda prompt: "".join(llm(prompt)),
    stream=llm,
    tools=lambda prompt: "".join(llm(prompt, "--functions", TOOL)),
    schema=lambda prompt: json.loads("".join(llm(prompt, "--schema", json.dumps(SCHEMA)))),
    picture=lambda prompt: "".join(llm(prompt, "-a", terminal.picture)),
)
