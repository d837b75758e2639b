"""The five checks that every client goes through, whatever it calls them itself.

A script passes `run` a function for each check that its client has. It gets the prompt and returns what the client made of the
answer. Each check prints a line: the API, the check, and `ok` or what went wrong, separated by tabs. `harness.mjs` does the
same for Node.

BASE_URL (ends with /v1) and API_KEY configure the proxy, behind which is the sample model: it plays the directives of the
prompt.
"""

import atexit
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import traceback
from pathlib import Path

BASE_URL = os.environ.get("BASE_URL", "http://localhost:8000/v1")
API_KEY = os.environ.get("API_KEY", "sk-demo")
MODEL = "gpt-5.5"
# In seconds. A program that hangs must not stop the checks after it.
TIMEOUT = 120

# A red square of eight pixels.
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mP4z8CAFTEMLQkAKP8/wc53yE8AAAAASUVORK5CYII="
IMAGE = f"data:image/png;base64,{PNG}"

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "degrees": {"type": "integer"}},
    "required": ["city", "degrees"],
    "additionalProperties": False,
}
WEATHER = {"city": "Köln", "degrees": 7}


def get_weather(city: str) -> str:
    """The weather of a city.

    Args:
        city: Its name.
    """
    return f"{city}: fine"


def call(name, **arguments):
    """A prompt to which the model calls a tool, and then repeats its result."""
    return f"Use it. [[tool={name}:{json.dumps(arguments, ensure_ascii=False)}]]"


def say(text):
    """A prompt to which the model answers this text."""
    return f"Answer. [[say={json.dumps(text, ensure_ascii=False)}]]"


def answer(client):
    expect("Hello there" in client(say("Hello there")), "the answer")


def stream(client):
    deltas = [delta for delta in client("Count. [[words=5 every=50]]") if delta]
    expect("word1 word2 word3 word4 word5" in "".join(deltas), deltas)
    expect(len(deltas) > 1, "it came at once")


def tools(client):
    text = client(call("get_weather", city="Köln"))
    expect("Tool results" in text and "fine" in text, text)


def schema(client):
    value = client(say(json.dumps(WEATHER, ensure_ascii=False)))
    expect(value == WEATHER, value)


def picture(client):
    text = client("What is it? [[echo]]")
    expect("[image]" in text, text)


CHECKS = {check.__name__: check for check in (answer, stream, tools, schema, picture)}


def expect(condition, *facts):
    if not condition:
        raise AssertionError(" ".join(str(fact) for fact in facts) or "unexpected")


def equal(value, expected):
    expect(value == expected, f"expected {expected!r}, got {value!r}")


def run(api, **clients):
    """Runs the checks of one API of the client. After the last API, the script ends with the exit code 1 if any failed."""
    for name, client in clients.items():
        try:
            CHECKS[name](client)
            result = "ok"
        except BaseException as error:
            traceback.print_exc()
            result = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        print(api, name, result, sep="\t", flush=True)


class Terminal:
    """Runs a program without a terminal, in a new home and a new folder with a text file and a picture."""

    def __init__(self, **environment):
        self.folder = Path(tempfile.mkdtemp(prefix="client-"))
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        self.work, self.home, temporary = (self.folder / name for name in ("work", "home", "tmp"))
        for folder in (self.work, self.home, temporary):
            folder.mkdir()
        # Some clients take the project around it for theirs, and write into it.
        subprocess.run(["git", "init", "--quiet", self.work], check=True)
        self.environment = {**os.environ, "HOME": str(self.home), "PWD": str(self.work), "NO_COLOR": "1", **environment}
        # codex has no sandbox for a home below the temporary folder, where this one may be.
        self.environment["TMPDIR"] = str(temporary)
        for name in ("CONFIG", "DATA", "STATE", "CACHE"):
            self.environment[f"XDG_{name}_HOME"] = str(self.home / name.lower())
        self.picture = self.work / "picture.png"
        self.picture.write_bytes(base64.b64decode(PNG))
        (self.work / "weather.txt").write_text("Köln: fine", encoding="utf-8")

    def write(self, path, content):
        """Writes a settings file below the home, as JSON unless it is a text."""
        path = self.home / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    def stream(self, *arguments, typed=""):
        """What it prints, as it prints it. It reads what was `typed`."""
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen([*map(str, arguments)], cwd=self.work, env=self.environment, **pipes) as program:
            timer = threading.Timer(TIMEOUT, program.kill)
            timer.start()
            program.stdin.write(typed.encode())
            program.stdin.close()
            while chunk := os.read(program.stdout.fileno(), 65536):
                print(chunk.decode(errors="replace"), end="", file=sys.stderr)
                yield chunk.decode(errors="replace")
            timer.cancel()
        equal(program.returncode, 0)

    def run(self, *arguments, typed=""):
        return "".join(self.stream(*arguments, typed=typed))
