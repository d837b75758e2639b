"""opencode, with a provider of our address, on both APIs."""

from harness import API_KEY, BASE_URL, MODEL, Terminal, call, run


def checks(package):
    terminal = Terminal()
    options = {"baseURL": BASE_URL, "apiKey": API_KEY}
    models = {MODEL: {"attachment": True, "modalities": {"input": ["text", "image"], "output": ["text"]}}}
    provider = {"codex": {"npm": package, "options": options, "models": models}}
    terminal.write("config/opencode/opencode.json", {"provider": provider})

    def opencode(prompt, *more):
        # An argument would be quoted, and the title of the session is another request with the prompt.
        return terminal.run("opencode", "run", "--title", "Test", "-m", f"codex/{MODEL}", *more, typed=prompt)

    return {
        "answer": opencode,
        "tools": lambda _: opencode(call("read", filePath=str(terminal.work / "weather.txt"))),
        "picture": lambda prompt: opencode(prompt, "--file", terminal.picture),
    }


run("chat", **checks("@ai-sdk/openai-compatible"))
run("responses", **checks("@ai-sdk/openai"))
