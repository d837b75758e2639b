"""GitHub Copilot CLI with its own provider, on both APIs."""

from harness import API_KEY, BASE_URL, MODEL, Terminal, call, run


def checks(api):
    terminal = Terminal(
        COPILOT_PROVIDER_BASE_URL=BASE_URL,
        COPILOT_PROVIDER_API_KEY=API_KEY,
        COPILOT_PROVIDER_WIRE_API=api,
        COPILOT_MODEL=MODEL,
        COPILOT_AUTO_UPDATE="false",
    )

    def copilot(prompt, *more):
        return terminal.stream("copilot", "--allow-all-tools", "-s", "-p", prompt, *more)

    return {
        "answer": lambda prompt: "".join(copilot(prompt)),
        "stream": lambda prompt: copilot(prompt, "--stream", "on"),
        "tools": lambda _: "".join(copilot(call("view", path=str(terminal.work / "weather.txt")))),
        "picture": lambda prompt: "".join(copilot(prompt, "--attachment", terminal.picture)),
    }


run("chat", **checks("completions"))
run("responses", **checks("responses"))
