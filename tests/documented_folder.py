"""A folder with the files that the documents name, and their commands run in it."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from command_line import Ended
from documented import Line

# What makes a search a matter of seconds, unless the document says something else.
TINY = {
    "data.path": "products.csv",
    "search.max_trials": "2",
    "search.max_epochs": "1",
    "search.workers": "1",
    "search.pruner": "none",
    "final.max_members": "2",
    "model.vocabulary_size": "500",
    "model.max_tokens": "16",
    "model.lstm_tokens": "16",
    "model.lstm_units": "4",
    "model.embedding_dim": "8",
    "model.batch_size": "32",
}
WRITTEN = ("output", "data.download_path")


def write_files(folder: Path) -> None:
    """Write a few hundred made-up products under the names that the documents use."""
    from ecomcat.data.sample import generate_sample

    rows = [(row.label, row.text) for row in generate_sample(300, 0.0, 1)]
    for name, some in (("products", rows), ("train", rows[:240]), ("test", rows[240:])):
        table = io.StringIO()
        csv.writer(table).writerows([("category", "description"), *some])
        (folder / f"{name}.csv").write_text(table.getvalue(), encoding="utf-8")
    wide = io.StringIO()
    split = [(number, label, *text.split(maxsplit=1)) for number, (label, text) in enumerate(rows)]
    csv.writer(wide).writerows([("id", "category", "title", "description"), *split])
    with zipfile.ZipFile(folder / "archive (1).zip", "w") as archive:
        archive.writestr("products.csv", wide.getvalue())
    records = [{"description": text, "category": label} for label, text in rows[:40]]
    lines = "".join(f"{json.dumps(record)}\n" for record in records)
    (folder / "products.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    parquet = pytest.importorskip("pyarrow.parquet")
    table_of = pytest.importorskip("pyarrow").Table.from_pylist
    parquet.write_table(table_of(records), folder / "products.parquet")


class Folder:
    """Runs commands in their order; what one made is there for the next.

    Args:
        folder: the working directory.
        run: runs a command in this process.
        open_until_end: closes what serves.
    """

    def __init__(self, folder: Path, run: Any, open_until_end: ExitStack) -> None:
        self._folder = folder
        self._run = run
        self._open = open_until_end
        self._address = ""

    def run(self, line: Line) -> None:
        """Run a command as it stands, made small; it must end well."""
        called = line.called()
        if called is None:
            assert line.text.startswith("curl "), f"{line}: no rule runs it"
            self._call(line)
            return
        command, arguments = called
        if command == "serve":
            self._serve(arguments)
            return
        arguments = [*arguments, *self._made_small(command, arguments)]
        main = import_module(f"ecomcat.{command}").main
        ended: Ended = self._run(main, arguments, self._piped(line.text))
        assert ended.code == 0, f"{line}\n{ended.errors}"
        if " > " in line.text:
            written = self._folder / shlex.split(line.text.rpartition(" > ")[2])[0]
            written.write_text(ended.output, encoding="utf-8")
            assert ended.output.strip(), f"{line} wrote nothing"
        for word in arguments:
            key, _, value = word.partition("=")
            if key in WRITTEN and value != "-":
                assert (self._folder / value).stat().st_size > 0, f"{line} left no {value}"

    def _made_small(self, command: str, arguments: list[str]) -> list[str]:
        """Return overrides that make a command quick, where it does not set them itself.

        What no later command needs is not trained: only the first model, the study that later
        commands name, and its trial.
        """
        if command not in {"search", "train"}:
            return []
        given = dict(word.partition("=")[::2] for word in arguments)
        if "search.from_trial" in given:
            return []
        study = self._folder / "outputs" / "search" / given.get("search.name", "none")
        needed = "search.name" in given and not study.exists()
        dry = [] if needed or not (self._folder / "model").exists() else ["search.dry_run=true"]
        return [*dry, *(f"{key}={value}" for key, value in TINY.items() if key not in given)]

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
        self._open.callback(process.wait, 30)
        self._open.callback(process.terminate)
        assert process.stderr is not None
        self._open.callback(process.stderr.close)
        said = ""
        for text in process.stderr:
            said += text
            ready = re.search(r"Ready at (http://\S+)", text)
            if ready:
                self._address = ready[1]
                return
        raise AssertionError(f"serve ended: {said}")

    def _call(self, line: Line) -> None:
        """Ask what serves, as the line says."""
        assert self._address, f"{line}: nothing serves yet"
        words = [
            re.sub(r"^http://127\.0\.0\.1:8000", self._address, word)
            for word in shlex.split(line.text)
        ]
        curl = shutil.which("curl")
        if curl is None:
            pytest.skip("there is no curl")
        done = subprocess.run(
            [curl, "--silent", "--show-error", "--fail-with-body", *words[1:]],
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        if "-o" in words:
            assert (self._folder / words[words.index("-o") + 1]).stat().st_size > 0, line
        else:
            assert isinstance(json.loads(done.stdout), dict | list), line
