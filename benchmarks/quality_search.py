"""Our own methods: the search command as its users run it, and what it exported."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import ecomcat
from benchmarks.common import digest
from benchmarks.quality_cpu import run_counted
from ecomcat.config import conf_dir

OURS = ("single", "ensemble")
_DEPLOYED = ("model.keras", "tokenizer.json")


@dataclass(frozen=True)
class Exported:
    """An exported model: the files that are deployed."""

    folder: Path
    classifier: Any

    def predict(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return class numbers."""
        return np.asarray(self.classifier.probabilities(texts).argmax(axis=1))

    def size(self) -> int:
        """Return the deployed files' bytes."""
        return sum((self.folder / name).stat().st_size for name in _DEPLOYED)


def search_code() -> str:
    """Hash the modules and YAML files that decide a search, and little that comes after it."""
    package = Path(ecomcat.__file__).parent
    rooms = [package / room for room in ("table", "rows", "data", "text", "model", "tuning")]
    groups = [conf_dir() / group for group in ("budget", "data", "model", "search")]
    files = [package / "pipeline.py", package / "config.py"]
    files += [path for folder in rooms for path in folder.rglob("*.py")]
    files += [path for folder in groups for path in folder.glob("*.yaml")]
    return digest(path.read_bytes() for path in sorted(files))


def study_name(setting: Mapping[str, Any]) -> str:
    """Return a name that is the same for all our methods of a split, and for nothing else."""
    # What comes after the search may change: the study stays.
    parts = [setting[key] for key in ("content", "search_code", "budget")]
    return f"quality-{setting['split']}-{digest([*parts, *setting['overrides']])[:8]}"


def search_command(setting: Mapping[str, Any]) -> list[str]:
    """Return the program and arguments of one method on one split.

    Args:
        setting: with `data`, `budget`, `overrides`, `split`, `method` and `store`.
    """
    store, name, method = Path(setting["store"]), study_name(setting), setting["method"]
    data = ["data=sample"]
    if setting["data"] is not None:
        data = ["data=csv", f"data.path={setting['data']}"]
    return [
        *(sys.executable, "-m", "ecomcat.search", *data),
        *(f"budget={setting['budget']}", f"seed={setting['split']}", f"search.name={name}"),
        *(f"final={method}", f"model_dir={model_folder(setting)}"),
        *(f"outputs_dir={store / 'outputs'}", *setting["overrides"]),
    ]


def model_folder(setting: Mapping[str, Any]) -> Path:
    """Return where a method's model is exported to."""
    return Path(setting["store"]) / "models" / f"{study_name(setting)}-{setting['method']}"


def run_search(setting: Mapping[str, Any]) -> tuple[dict[str, Any], float, Exported]:
    """Search, or go on with a search, export, and open what was exported.

    Returns:
        The scores of `validation` and `test`, the CPU seconds of this command, and the model.

    Raises:
        UserError: when the command fails.
    """
    folder = model_folder(setting)
    folder.parent.mkdir(parents=True, exist_ok=True)
    log, spent = folder.with_name(f"{folder.name}.log"), folder.with_name(f"{folder.name}.spent")
    seconds = run_counted(search_command(setting), log, spent)
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    from ecomcat.export.classifier import load_classifier

    scores = {part: metrics[part] for part in ("validation", "test")}
    return scores, seconds, Exported(folder, load_classifier(folder))
