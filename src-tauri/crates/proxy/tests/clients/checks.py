"""Shared by the Python scripts: where the proxy is, and how checks are run and reported.

BASE_URL (ends with /v1) and API_KEY configure the proxy. The arguments name the checks to run; without arguments all run.
Each passed check prints one JSON line. A failed one prints the reason on stderr, the others still run, and the exit code is
1. `checks.mjs` does the same for Node.
"""

import json
import os
import sys
import traceback

BASE_URL = os.environ.get("BASE_URL", "http://localhost:8000/v1")
API_KEY = os.environ.get("API_KEY", "sk-local-key1")

# Codex itself, and a model without codex's tools and instructions.
AGENT = "codex-local"
PLAIN = "gpt-5.5"

# A red square of eight pixels.
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mP4z8CAFTEMLQkAKP8/wc53yE8AAAAASUVORK5CYII="
IMAGE = f"data:image/png;base64,{PNG}"

CHECKS = []


def check(function):
    """Registers a check under the function's name; its result is printed."""
    CHECKS.append(function)
    return function


def expect(condition, *facts):
    if not condition:
        raise AssertionError(" ".join(str(fact) for fact in facts))


def equal(actual, expected, what):
    expect(actual == expected, f"{what}: expected {expected!r}, got {actual!r}")


def words(count):
    """The sample model's answer to `[[words=COUNT]]`."""
    return "".join(f"word{n} " for n in range(1, count + 1))


def results(text):
    """The tool results that the sample model repeats, in alphabetical order."""
    expect(text.startswith("Tool results: "), text)
    return sorted(text.removeprefix("Tool results: ").split("; "))


def run():
    """Runs the checks of a script."""
    selected = sys.argv[1:]
    unknown = set(selected) - {function.__name__ for function in CHECKS}
    if unknown:
        sys.exit(f"there is no check {', '.join(sorted(unknown))}")
    failed = []
    for function in CHECKS:
        name = function.__name__
        if selected and name not in selected:
            continue
        try:
            print(json.dumps({"check": name, **(function() or {})}), flush=True)
        except Exception as error:
            failed.append(name)
            print(f"FAILED {name}: {type(error).__name__}: {error}", file=sys.stderr)
            if not isinstance(error, AssertionError):
                traceback.print_exc()
    if failed:
        print(f"{len(failed)} of {len(CHECKS)} checks failed: {', '.join(failed)}", file=sys.stderr)
        sys.exit(1)
