"""The commands that the documents show, and what may be said of each without running it."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from conftest import ROOT

COMMAND_LANGUAGES = ("", "bash", "sh", "console", "shell")
_FENCE = re.compile(r"^\s*(```+|~~~+)\s*([\w+-]*)")
_COMMENT = re.compile(r"\s+#\s.*$")
# Lines that no test runs, each with the reason; all of them must stand in a document.
NOT_RUN = {
    "git clone <this repository> && cd ecomcat": "needs an address; the tests run in a checkout",
    "python3 -m venv .venv && . .venv/bin/activate": "makes an environment that is here already",
    'eval "$(ecomcat-search -sc install=bash)"': "changes a shell; test_completion does it",
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

    @property
    def is_ours(self) -> bool:
        """Tell whether it calls one of our commands, perhaps in a pipe."""
        return self.called() is not None

    def called(self) -> tuple[str, list[str]] | None:
        """Return the command of ours that it calls, and its arguments."""
        for part in self.text.split(" | "):
            words = shlex.split(part.partition(" > ")[0])
            if words[:2] == ["python", "-m"] and words[2].startswith("ecomcat."):
                return words[2].removeprefix("ecomcat."), words[3:]
            if words and words[0].startswith("ecomcat-"):
                return words[0].removeprefix("ecomcat-"), words[1:]
        return None


def documents() -> list[Path]:
    """Return every document that shows commands."""
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    return [path for path in found if path.exists()]


def lines_of(path: Path) -> list[Line]:
    """Return the commands in a document's fenced blocks, in their order."""
    name = str(path.relative_to(ROOT))
    found: list[Line] = []
    joined, began = "", 0
    for number, text in _block_lines(path.read_text(encoding="utf-8")):
        began = began if joined else number
        if text.endswith("\\"):
            joined += text.removesuffix("\\").strip() + " "
            continue
        whole = _COMMENT.sub("", f"{joined}{text.strip()}").strip().removeprefix("$ ")
        joined = ""
        if whole and not whole.startswith("#"):
            found.append(Line(name, began, whole))
    return found


def _block_lines(content: str) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines of the blocks that hold commands."""
    fence: str | None = None
    language = ""
    for number, line in enumerate(content.splitlines(), start=1):
        mark = _FENCE.match(line)
        if fence is None and mark:
            fence, language = mark[1], mark[2]
        elif fence is not None and mark and line.strip() == fence:
            fence = None
        elif fence is not None and language in COMMAND_LANGUAGES:
            yield number, line


def problem_of_pip(words: list[str]) -> str | None:
    """Say what is wrong with a line of pip: an extra or a file that is not there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    if words[1] not in {"install", "wheel"}:
        return f"no rule knows pip {words[1]}"
    for word in words[2:]:
        extras = re.search(r"\[([\w,]+)\]$", word)
        for extra in extras[1].split(",") if extras else ():
            if extra not in project["optional-dependencies"]:
                return f"there is no extra {extra}"
        if re.fullmatch(r"[\w-]+\.txt", word) and not (ROOT / word).exists():
            return f"there is no file {word}"
        if word.startswith("dist/") and not _is_our_wheel(word.partition("[")[0]):
            return f"a wheel is not called {word}"
    return None


def _is_our_wheel(path: str) -> bool:
    from ecomcat import __version__

    return path == f"dist/ecomcat-{__version__}-py3-none-any.whl"


def problem_of_make(words: list[str]) -> str | None:
    """Say what is wrong with a line of make: a target or a variable that is not there."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    variables = set(re.findall(r"^([A-Z]+) \??=", makefile, re.MULTILINE))
    for word in words[1:]:
        name, equals, _ = word.partition("=")
        if name not in (variables if equals else targets):
            return f"the Makefile has no {name}"
    return None
