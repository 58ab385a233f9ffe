"""The folder of a study: held by one run at a time, resumed only with what it was begun with."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ecomcat.commands import SearchCommand
from ecomcat.data.dataset import Dataset
from ecomcat.errors import UserError
from ecomcat.files import UNFINISHED, require_writable, write_json
from ecomcat.model.metrics import OBJECTIVE
from ecomcat.model.space import Domain
from ecomcat.tuning.algorithms import make_algorithm
from ecomcat.tuning.pruners import make_pruner
from ecomcat.tuning.records import TrialTable, read_state

_STUDY_FILE, _LOCK_FILE = "study.json", ".lock"
_FORMAT = 3
DATA, FINAL, CLOCK = "data.json", "final.json", "clock.json"
TOGETHER, EXCLUDED = "near_duplicates_together", "excluded"


class Study:
    """The folder of one study, `outputs/search/<name>`.

    Args:
        directory: Path. The folder.

    >>> Study(Path("outputs/search/mine")).trial_dir("0007").as_posix()
    'outputs/search/mine/trials/0007'
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.directory.name

    @property
    def tensorboard_dir(self) -> Path:
        """Where TensorBoard's events of this study stand."""
        return self.directory / "tensorboard"

    @cached_property
    def trials(self) -> TrialTable:
        """The study's trials, read once and brought up to date by the search."""
        return TrialTable(self.directory)

    def trial_dir(self, trial_id: str) -> Path:
        """Return the folder of one trial."""
        return self.directory / "trials" / trial_id


@contextmanager
def open_study(
    root: Path,
    name: str,
    identity: Mapping[str, Any],
    *,
    overwrite: bool,
    config: Mapping[str, Any] | None = None,
) -> Iterator[Study]:
    """Hold a study's folder, new or to be resumed.

    Args:
        root: Path. The folder of all studies.
        name: String. The study's folder in it.
        identity: Mapping. What must agree with what the study was begun with.
        overwrite: Boolean. Remove what an earlier study of this name left.
        config: Mapping. Configuration of the run that begins the study, saved with the identity.

    Raises:
        UserError: Another process holds the study, the folder is not a study's, or the study was
            begun with something else.
    """
    require_study_place(root, name)
    study = Study(root / name)
    study.directory.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(study.directory / _LOCK_FILE, timeout=0):
            for leftover in study.directory.glob(f"{UNFINISHED}*"):
                leftover.unlink()
            if overwrite:
                _empty(study.directory)
            _begin_or_resume(study, identity, config or {})
            yield study
    except Timeout as error:
        raise UserError(
            f"Another run holds the study {study.directory}. Wait for it, or give this one "
            "another name with search.name=NAME."
        ) from error


def require_study_place(root: Path, name: str) -> None:
    """Check that a study of this name can stand under the root, without making anything.

    Raises:
        UserError: Something other than a study stands there, or the place cannot be written to.
    """
    require_writable(root, "outputs_dir")
    directory = root / name
    entries = {path.name for path in directory.iterdir()} if directory.is_dir() else set()
    entries = {name for name in entries if not name.startswith(UNFINISHED)}
    if entries - {_LOCK_FILE} and _STUDY_FILE not in entries:
        raise UserError(
            f"Expected a study or nothing at {directory}, found other files (no {_STUDY_FILE}). "
            "Choose another search.name; nothing there was touched."
        )


def _begin_or_resume(study: Study, identity: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    path = study.directory / _STUDY_FILE
    if not path.exists():
        content = {"format": _FORMAT, "name": study.name, "identity": identity, "config": config}
        write_json(path, content)
        return
    begun = read_study(study.directory)["identity"]
    different = "".join(
        f"  {key}: {begun.get(key, 'absent')} in the study, {identity.get(key, 'absent')} now\n"
        for key in dict.fromkeys([*begun, *identity])
        if begun.get(key) != identity.get(key)
    )
    if different:
        raise UserError(
            f"The study {study.name} was begun with something else:\n{different}"
            "Choose another search.name, or search.overwrite=true to begin afresh."
        )


def _empty(directory: Path) -> None:
    """Remove what a study holds, so that what is left at any moment is a study or nothing."""
    # The trials first, and the study's own file last: without it the folder would be a stranger's.
    order = {"trials": 0, _STUDY_FILE: 2}
    entries = [entry for entry in directory.iterdir() if entry.name != _LOCK_FILE]
    for entry in sorted(entries, key=lambda entry: order.get(entry.name, 1)):
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def read_study(directory: Path) -> dict[str, Any]:
    """Read what a study was begun with: its `name`, `identity` and `config`.

    Raises:
        UserError: The file cannot be read, or another version of ecomcat wrote it.
    """
    stored = read_state(directory / _STUDY_FILE, dict[str, Any])
    if stored.get("format") != _FORMAT:
        raise UserError(
            f"The study {directory} was written in format {stored.get('format')}, this "
            f"version reads {_FORMAT}. Choose another search.name, or search.overwrite=true."
        )
    return stored


def active_seconds(study: Study) -> float:
    """Return how long a study was searched so far, in seconds of wall time."""
    clock = read_snapshot(study, CLOCK)
    return float(clock["active_seconds"]) if clock else 0.0


def write_snapshot(study: Study, name: str, content: Mapping[str, Any]) -> None:
    """Write what the report says of the data or the final model, in place of an earlier run's."""
    write_json(study.directory / name, content)


def read_snapshot(study: Study, name: str) -> dict[str, Any] | None:
    """Read what `write_snapshot` wrote; None where it was not written yet."""
    path = study.directory / name
    return read_state(path, dict[str, Any]) if path.exists() else None


def study_identity(
    config: SearchCommand, dataset: Dataset, space: Mapping[str, Domain]
) -> dict[str, Any]:
    """Return everything that must agree before a study may be resumed.

    The number of trials and the minutes are not among it: they may grow.
    """
    return {
        **data_identity(dataset),
        "validation_fraction": config.data.validation_fraction,
        "test_fraction": config.data.test_fraction,
        "seed": config.seed,
        "build": config.model.build,
        **{f"model.{name}": str(domain) for name, domain in space.items()},
        "algorithm": make_algorithm(config.search).identity(),
        "max_epochs": config.search.max_epochs,
        "patience": config.search.patience,
        "pruning": make_pruner(config.search).identity(),
        "objective": f"{OBJECTIVE} max",
    }


def data_identity(dataset: Dataset) -> dict[str, str]:
    """Return what the data was, and what options made of it; those that are off leave no trace."""
    identity = {"data": dataset.content_hash}
    if dataset.groups is not None:
        groups = dataset.groups.astype("<i8").tobytes()
        identity[TOGETHER] = hashlib.sha256(groups).hexdigest()[:16]
    if dataset.exclusion is not None:
        identity[EXCLUDED] = dataset.exclusion.identity
    return identity


def default_name(model: str, data: str, identity: Mapping[str, Any]) -> str:
    """Return `<model>-<data>-<hash>`, the same for the same identity."""
    content = json.dumps(identity, sort_keys=True).encode()
    digest = hashlib.sha256(content).hexdigest()[:8]
    return f"{re.sub(r'[^A-Za-z0-9_.-]+', '_', f'{model}-{data}').lstrip('_.-')}-{digest}"
