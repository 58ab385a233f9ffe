"""The commands that the documents show, and what can be known of each without running it."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from conftest import ROOT

from ecomcat import __version__

_COMMAND_LANGUAGES = ("", "bash", "sh", "console", "shell")
_FENCE = re.compile(r"^\s*(```+|~~~+)\s*([\w+-]*)")
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
    number: int
    text: str

    def __str__(self) -> str:
        return f"{self.document}:{self.number}: {self.text}"

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
    names = ["README.md", "CONTRIBUTING.md", *sorted(p.name for p in (ROOT / "docs").glob("*.md"))]
    paths = [path for name in names for path in (ROOT / name, ROOT / "docs" / name)]
    return [line for path in paths if path.exists() for line in _lines_of(path)]


def _lines_of(path: Path) -> Iterator[Line]:
    name, joined, began = str(path.relative_to(ROOT)), "", 0
    for number, text in _block_lines(path.read_text(encoding="utf-8")):
        began = began if joined else number
        if text.endswith("\\"):
            joined += text.removesuffix("\\").strip() + " "
            continue
        whole = re.sub(r"\s+#\s.*$", "", f"{joined}{text.strip()}").strip().removeprefix("$ ")
        joined = ""
        if whole and not whole.startswith("#"):
            yield Line(name, began, whole)


def _block_lines(content: str) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines of the blocks that hold commands."""
    fence, language = None, ""
    for number, line in enumerate(content.splitlines(), start=1):
        mark = _FENCE.match(line)
        if fence is None and mark:
            fence, language = mark[1], mark[2]
        elif fence is not None and mark and line.strip() == fence:
            fence = None
        elif fence is not None and language in _COMMAND_LANGUAGES:
            yield number, line


def problem_of_pip(words: list[str]) -> str | None:
    """Say what is wrong with a line of pip: an extra, a file or a wheel that is not there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for word in words[2:]:
        name, _, extras = word.removesuffix("]").partition("[")
        for extra in filter(None, extras.split(",")):
            if extra not in project["optional-dependencies"]:
                return f"there is no extra {extra}"
        if name.endswith(".txt") and not (ROOT / name).exists():
            return f"there is no file {name}"
        if name.startswith("dist/") and name != f"dist/ecomcat-{__version__}-py3-none-any.whl":
            return f"a wheel is not called {name}"
    return None


def problem_of_make(words: list[str]) -> str | None:
    """Say what is wrong with a line of make: a target or a variable that is not there."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for word in words[1:]:
        name, equals, _ = word.partition("=")
        if not re.search(rf"^{name} \??=" if equals else rf"^{name}:", makefile, re.MULTILINE):
            return f"the Makefile has no {name}"
    return None
