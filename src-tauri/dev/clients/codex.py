"""codex itself as the client."""

import json

from harness import API_KEY, BASE_URL, MODEL, SCHEMA, Terminal, call, run

terminal = Terminal(CODEX_PROXY_KEY=API_KEY)
terminal.write(
    ".codex/config.toml",
    f"""
model = "{MODEL}"
model_provider = "proxy"

[model_providers.proxy]
name = "Codex Proxy"
base_url = "{BASE_URL}"
env_key = "CODEX_PROXY_KEY"
wire_api = "responses"
""",
)
schema = terminal.write("schema.json", SCHEMA)


def codex(prompt, *more):
    return terminal.run("codex", "exec", "--skip-git-repo-check", *more, "--", prompt)


run(
    "responses",
    answer=codex,
    # The proxy's name for a tool that has a name of codex's own tools.
    tools=lambda _: codex(call("exec_command_aa6e9988", cmd="cat weather.txt")),
    schema=lambda prompt: json.loads(codex(prompt, "--output-schema", schema)),
    picture=lambda prompt: codex(prompt, "--image", terminal.picture),
)
