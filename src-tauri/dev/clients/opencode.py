"""opencode, with a provider of our address."""

from harness import API_KEY, BASE_URL, MODEL, Terminal, call, run

terminal = Terminal()
# The recipe of docs/clients.md.
SETTINGS = {
    "provider": {
        "codex": {
            "npm": "@ai-sdk/openai-compatible",
            "options": {"baseURL": BASE_URL, "apiKey": API_KEY},
            "models": {MODEL: {"attachment": True, "modalities": {"input": ["text", "image"], "output": ["text"]}}},
        }
    }
}
terminal.write("config/opencode/opencode.json", SETTINGS)


def opencode(prompt, *more):
    # An argument would be quoted, and the title of the session is another request with the prompt.
    return terminal.run("opencode", "run", "--title", "Test", "-m", f"codex/{MODEL}", *more, typed=prompt)


run(
    "chat",
    answer=opencode,
    tools=lambda _: opencode(call("read", filePath=str(terminal.work / "weather.txt"))),
    picture=lambda prompt: opencode(prompt, "--file", terminal.picture),
)
