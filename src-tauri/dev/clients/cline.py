"""Cline's command line, with its provider for compatible APIs."""

from harness import API_KEY, BASE_URL, MODEL, Terminal, call, run

terminal = Terminal()
terminal.run("cline", "auth", "-p", "openai-compatible", "-k", API_KEY, "-b", BASE_URL, "-m", MODEL)


def cline(prompt, *more):
    return terminal.stream("cline", "-P", "openai-compatible", "-m", MODEL, *more, prompt)


run(
    "chat",
    answer=lambda prompt: "".join(cline(prompt)),
    stream=cline,
    tools=lambda _: "".join(cline(call("read_files", files=[{"path": str(terminal.work / "weather.txt")}]))),
    picture=lambda _: "".join(cline(call("read_files", files=[{"path": str(terminal.picture)}])[:-2] + " then echo]]")),
)
