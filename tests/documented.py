"""The commands that the documents show, and what can be known of each without running it."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass

from conftest import ROOT

from ecomcat import __version__

_BLOCK = re.compile(r"^ *(```+|~~~+) *(?:bash|sh|console|shell)?\n(.*?)^ *\1", re.M | re.S)
_ANY_BLOCK = re.compile(r"^ *(```+|~~~+).*?^ *\1 *$", re.M | re.S)
# Lines that no test runs, each with the reason; all of them must stand in a document.
NOT_RUN = {
    "git clone <this repository> && cd ecomcat": "needs an address; the tests run in a checkout",
    "python3 -m venv .venv && . .venv/bin/activate": "makes an environment that is here already",
    "tensorboard --logdir outputs": "serves until it is stopped; tests/reporting asks its API",
    "ray start --head --port=6379": "Ray's own command; tests/tuning starts clusters by its API",
    "ray start --address=FIRST_MACHINE:6379": "needs a second machine",
    'srun --nodes=4 --ntasks=4 ray symmetric-run --address "$(hostname):6379" --min-nodes 4 -- '
    "python -m ecomcat.search search.cluster=auto": "needs Slurm; the document says so",
    "kubectl exec -it POD_OF_THE_HEAD -- python -m ecomcat.search search.cluster=auto "
    "outputs_dir=/data/outputs": "needs Kubernetes; the document says so",
}


@dataclass(frozen=True)
class Line:
    """One command of a document, with lines that end in a backslash joined."""

    document: str
    text: str

    def called(self) -> tuple[str, list[str]] | None:
        """Return the command of ours that it calls, perhaps in a pipe, and its arguments."""
        for part in self.text.split(" | "):
            words = shlex.split(part.partition(" > ")[0])
            if words[:2] == ["python", "-m"] and words[2].startswith("ecomcat"):
                words = [words[2].replace(".", "-", 1), *words[3:]]
            if words[:1] == ["ecomcat"] and len(words) > 1 and words[1].isalpha():
                return words[1], words[2:]
            if words and words[0].startswith("ecomcat-"):
                return words[0].removeprefix("ecomcat-"), words[1:]
        return None


def documented_lines() -> list[Line]:
    """Return the commands in the fenced blocks of every document, in their order."""
    paths = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    return [
        Line(path.name, text)
        for path in paths
        for block in _ANY_BLOCK.finditer(path.read_text(encoding="utf-8"))
        if (commands := _BLOCK.match(block[0]))
        for text in _lines_of(commands[2])
    ]


def _lines_of(block: str) -> Iterator[str]:
    for line in re.sub(r" *\\\n *", " ", block).splitlines():
        text = re.sub(r"(^|\s+)#\s.*$", "", line.strip()).removeprefix("$ ")
        if text:
            yield text


def problem_of(words: list[str]) -> str | None:
    """Say what is wrong with a line of pip or make: what it names is not there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for word in words[1:]:
        name, _, extras = word.removesuffix("]").partition("[")
        unknown = {*filter(None, extras.split(","))} - {*project["optional-dependencies"]}
        if words[0] == "pip" and unknown:
            return f"there is no extra {unknown}"
        if name.endswith(".txt") and not (ROOT / name).exists():
            return f"there is no file {name}"
        if name.startswith("dist/") and name != f"dist/ecomcat-{__version__}-py3-none-any.whl":
            return f"a wheel is not called {name}"
        key, equals, _ = word.partition("=")
        entry = rf"^{re.escape(key)} \??=" if equals else rf"^{re.escape(key)}:"
        if words[0] == "make" and not re.search(entry, makefile, re.MULTILINE):
            return f"the Makefile has no {key}"
    return None
