"""aider, whose edits are text: it has neither tools nor schemas."""

from harness import API_KEY, BASE_URL, MODEL, Terminal, run

terminal = Terminal(OPENAI_API_BASE=BASE_URL, OPENAI_API_KEY=API_KEY)
# Without this, it knows nothing of the model.
METADATA = {f"openai/{MODEL}": {"litellm_provider": "openai", "mode": "chat", "supports_vision": True, "max_input_tokens": 272000}}
terminal.write(".aider.model.metadata.json", METADATA)


def aider(prompt, *files):
    options = ["--no-git", "--yes-always", "--no-check-update", "--no-show-model-warnings", "--analytics-disable"]
    return terminal.stream("aider", "--model", f"openai/{MODEL}", *options, "--message", prompt, *files)


run(
    "chat",
    answer=lambda prompt: "".join(aider(prompt)),
    stream=aider,
    picture=lambda prompt: "".join(aider(prompt, terminal.picture)),
)
