"""Every command that a document shows: run where it can be, held against a rule where not."""

from __future__ import annotations

import gzip
import io
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pandas as pd
import pytest
from command_line import Ended
from conftest import ROOT, RunMain

from ecomcat import __version__
from ecomcat.cli import compose
from ecomcat.data.sample import generate_sample
from tests.serving.pets import address_of

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


# What makes a search a matter of seconds, unless the document says something else.
TINY = {
    "data.path": "products.csv",
    "search.max_trials": "1",
    "search.max_epochs": "1",
    "search.workers": "1",
    "search.pruner": "none",
    "final.baseline": "false",
    "model.vocabulary_size": "500",
    "model.max_tokens": "16",
    "model.lstm_tokens": "16",
    "model.lstm_units": "4",
    "model.bidirectional": "false",
    "model.embedding_dim": "8",
    "model.batch_size": "32",
}
WRITTEN = ("output", "data.download_path")


def write_files(folder: Path) -> None:
    """Write a few hundred made-up products under the names that the documents use."""
    rows = [(row.label, row.text) for row in generate_sample(300, 0.0, 1)]
    products = pd.DataFrame(rows, columns=["category", "description"])
    for name, some in (("products", products), ("train", products[:240]), ("test", products[240:])):
        some.to_csv(folder / f"{name}.csv", index=False)
    parts = ["train"] * 200 + ["validation"] * 50 + ["test"] * 50
    products.assign(part=parts).to_csv(folder / "parts.csv", index=False)
    numbers = [number // 2 for number in range(len(products))]
    products.assign(product_id=numbers).to_csv(folder / "offers.csv", index=False)
    titles = products["description"].str.split(n=1, expand=True)
    levels = {"level1": products["category"], "level2": "New", "level3": titles[0].str[0]}
    fields = {"brand": titles[0].str[1], "price": numbers}
    wide = products.assign(title=titles[0], description=titles[1], **levels, **fields)
    archive = {"method": "zip", "archive_name": "products.csv"}
    wide.to_csv(folder / "archive (1).zip", index_label="id", compression=archive)
    lines = products[:40].to_json(orient="records", lines=True)
    (folder / "products.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    products[:40].to_parquet(folder / "products.parquet")


class Folder:
    """Runs commands in their order; what one made is there for the next.

    Args:
        folder: The working directory.
        run: Function that runs a command in this process.
        open_until_end: Closes what serves.
    """

    def __init__(self, folder: Path, run: Callable[..., Ended], open_until_end: ExitStack) -> None:
        self._folder = folder
        self._run = run
        self._open = open_until_end
        self._address = ""

    def run(self, line: Line) -> None:
        """Run a command as it stands, made small; it must end well and write what it names."""
        command, arguments = line.called() or ("curl", shlex.split(line.text))
        if command == "serve":
            self._serve(arguments)
        elif command == "curl":
            self._call(arguments)
        else:
            if command == "compare":
                shutil.copytree(self._folder / "model", self._folder / "model_new")
            arguments = [*arguments, *self._made_small(command, arguments)]
            main = import_module(f"ecomcat.{command}").main
            ended = self._run(main, arguments, self._piped(line.text))
            assert ended.code == 0, f"{line}\n{ended.errors}"
            if " > " in line.text:
                assert ended.output.strip(), f"{line} wrote nothing"
                written = shlex.split(line.text.rpartition(" > ")[2])[0]
                (self._folder / written).write_text(ended.output, encoding="utf-8")
        for word in arguments:
            key, _, value = word.partition("=")
            if key in WRITTEN and value != "-":
                assert (self._folder / value).stat().st_size > 0, f"{line} left no {value}"

    def _made_small(self, command: str, arguments: list[str]) -> list[str]:
        """Return overrides that make a command quick, where it does not set them itself.

        What no later command needs is not trained: only the first model, in the study that later
        commands name, and its trial.
        """
        given = dict(word.partition("=")[::2] for word in arguments)
        if command not in {"search", "train"} or "search.from_trial" in given:
            return []
        wide = ["data.path=archive (1).zip"] if "data.text_column" in given else []
        is_needed = not wide and not (self._folder / "model").exists()
        first = ["search.name=mine" if is_needed else "search.dry_run=true"]
        tiny = [f"{key}={value}" for key, value in TINY.items() if key not in given]
        return [*wide, *first, *tiny]

    def _piped(self, text: str) -> bytes | None:
        """Return what the command before ours in a pipe writes."""
        before, pipe, _ = text.partition(" | ")
        if not pipe or "ecomcat" in before:
            return None
        words = shlex.split(before)
        assert words[0] in {"zcat", "cat", "echo"}, f"no rule runs {before}"
        return subprocess.run(words, cwd=self._folder, capture_output=True, check=True).stdout

    def _serve(self, arguments: list[str]) -> None:
        """Serve on a port that is free, until the document ends."""
        arguments = [word for word in arguments if not word.startswith(("port=", "host="))]
        process = subprocess.Popen(
            [sys.executable, "-m", "ecomcat.serve", *arguments, "port=0"],
            cwd=self._folder,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._open.callback(process.communicate, timeout=30)
        self._open.callback(process.terminate)
        self._address = address_of(process)

    def _call(self, words: list[str]) -> None:
        """Ask what serves, as the line says."""
        words = [re.sub(r"^http://127\.0\.0\.1:8000", self._address, word) for word in words]
        command = [words[0], "--silent", "--show-error", "--fail-with-body", *words[1:]]
        done = subprocess.run(command, cwd=self._folder, capture_output=True, text=True, check=True)
        if "-o" in words:
            assert (self._folder / words[words.index("-o") + 1]).stat().st_size > 0, words
        else:
            assert "label" in done.stdout, words


LINES = [line for line in documented_lines() if line.text not in NOT_RUN]


def test_every_line_is_run_or_known_to_be_right() -> None:
    assert {line.document for line in LINES if line.called()} >= {"README.md"}
    assert set(NOT_RUN) <= {line.text for line in documented_lines()}
    for line in LINES:
        words = shlex.split(line.text)
        called = line.called()
        if called is not None:
            compose(*called)
        elif words[0] in {"pip", "make"}:
            assert problem_of(words) is None, line
            for word in words[1:]:
                compose("search", shlex.split(word.partition("ARGS=")[2]))
        elif words[0] == "python" and words[1].endswith(".py"):
            assert (ROOT / words[1]).exists(), line
        else:
            assert words[0] == "curl" or words[2].startswith("benchmarks."), line


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="the documents call the service by curl")
def test_the_commands_of_the_documents_run_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_main: RunMain
) -> None:
    write_files(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    def run_in_folder(main: Callable[[], None], arguments: list[str], piped: bytes | None) -> Ended:
        if piped is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(piped)))
        return run_main(main, *arguments)

    with ExitStack() as open_until_end:
        folder = Folder(tmp_path, run_in_folder, open_until_end)
        # What several documents show is run once.
        for line in {line.text: line for line in LINES}.values():
            if line.called() or line.text.startswith("curl "):
                folder.run(line)
