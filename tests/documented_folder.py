"""A folder with the files that the documents name, and their commands run in it."""

from __future__ import annotations

import gzip
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
from command_line import Ended
from documented import Line

from tests.serving.pets import address_of

# What makes a search a matter of seconds, unless the document says something else.
TINY = {
    "data.path": "products.csv",
    "search.max_trials": "1",
    "search.max_epochs": "1",
    "search.workers": "1",
    "search.pruner": "none",
    "final.max_members": "2",
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
    from ecomcat.data.sample import generate_sample

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

    def __init__(self, folder: Path, run: Any, open_until_end: ExitStack) -> None:
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
            ended: Ended = self._run(main, arguments, self._piped(line.text))
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

        What no later command needs is not trained: only the first model, the study that later
        commands name, and its trial.
        """
        given = dict(word.partition("=")[::2] for word in arguments)
        if command not in {"search", "train"} or "search.from_trial" in given:
            return []
        study = self._folder / "outputs" / "search" / given.get("search.name", "none")
        needed = "search.name" in given and not study.exists()
        wide = ["data.path=archive (1).zip"] if "data.text_column" in given else []
        exported = (self._folder / "model").exists()
        dry = ["search.dry_run=true"] if wide or (exported and not needed) else []
        return [*wide, *dry, *(f"{key}={value}" for key, value in TINY.items() if key not in given)]

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
