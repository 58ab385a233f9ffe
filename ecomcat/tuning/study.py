"""What must agree before a study is resumed, and the name that follows from it."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ecomcat.config import SearchCommand, SearchConfig
from ecomcat.data.dataset import Dataset
from ecomcat.errors import UserError
from ecomcat.files import UNFINISHED, require_writable, write_json
from ecomcat.model.metrics import OBJECTIVE
from ecomcat.model.space import Domain

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_STUDY_FILE, _LOCK_FILE = "study.json", ".lock"
_FORMAT = 2


class Study:
    """The folder of one study, `outputs/search/<name>`.

    Args:
        directory: the folder.
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
        root: the folder of all studies.
        name: the study's folder in it.
        identity: what must agree with what the study was begun with.
        overwrite: remove what an earlier study of this name left.
        config: of the run that begins the study, kept beside the identity.

    Raises:
        UserError: when the name is no folder name, when another process holds the study, when
            the folder is not a study's, or when the study was begun with something else.
    """
    require_study_place(root, name)
    study = Study(root / name)
    try:
        study.directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"Cannot make the folder {study.directory}: {error.strerror}. Choose another place "
            "with outputs_dir=FOLDER."
        ) from error
    try:
        with FileLock(study.directory / _LOCK_FILE, timeout=0):
            _begin_or_resume(study, identity, config or {}, overwrite=overwrite)
            yield study
    except Timeout as error:
        raise UserError(
            f"Another run holds the study {study.directory}. Wait for it, or give this one "
            "another name with search.name=NAME."
        ) from error


def require_study_place(root: Path, name: str) -> None:
    """Check that a study of this name can stand under the root, without making anything.

    Raises:
        UserError: when the name is no folder name, when something other than a study stands
            there, or when the place cannot be written to.
    """
    if not _NAME.fullmatch(name):
        raise UserError(
            "Expected search.name to begin with a letter or digit and to hold only letters, "
            f"digits, '_', '.' and '-'; found {name!r}."
        )
    require_writable(root, "outputs_dir")
    directory = root / name
    entries = {path.name for path in directory.iterdir()} if directory.is_dir() else set()
    entries = {name for name in entries if not name.startswith(UNFINISHED)}
    if entries - {_LOCK_FILE} and _STUDY_FILE not in entries:
        raise UserError(
            f"Expected a study or nothing at {directory}, found other files (no {_STUDY_FILE}). "
            "Choose another search.name; nothing there was touched."
        )


def _begin_or_resume(
    study: Study, identity: Mapping[str, Any], config: Mapping[str, Any], *, overwrite: bool
) -> None:
    path = study.directory / _STUDY_FILE
    for leftover in study.directory.glob(f"{UNFINISHED}*"):
        leftover.unlink()
    if overwrite:
        _empty(study.directory)
    if not path.exists():
        content = {"format": _FORMAT, "name": study.name, "identity": identity, "config": config}
        write_json(path, content)
        return
    _require_same(study, read_study(study.directory)["identity"], identity)


def _empty(directory: Path) -> None:
    """Remove what a study holds, so that what is left at any moment is a study or nothing."""
    for name in ("oracle.json", "trials", "tensorboard"):
        path = directory / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    others = [entry for entry in directory.iterdir() if entry.name != _LOCK_FILE]
    # The study's own file last: without it the folder would be a stranger's.
    for entry in sorted(others, key=lambda entry: entry.name == _STUDY_FILE):
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def read_study(directory: Path) -> dict[str, Any]:
    """Read what a study was begun with.

    Args:
        directory: of the study.

    Returns:
        Its `name`, `identity` and `config`.

    Raises:
        UserError: when the file cannot be read, or another version of ecomcat wrote it.
    """
    stored = read_state(directory / _STUDY_FILE)
    if stored.get("format") != _FORMAT:
        raise UserError(
            f"The study {directory} was written in format {stored.get('format')}, this "
            f"version reads {_FORMAT}. Choose another search.name, or search.overwrite=true."
        )
    return stored


def read_state(path: Path) -> dict[str, Any]:
    """Read one of a study's JSON files.

    Raises:
        UserError: when it cannot be read, or holds something else, as it may after a failing disk.
    """
    try:
        state: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"Cannot read {path}: {error.strerror}. It is a part of a study: see that it is there "
            "and that you may read it, and run the same command again."
        ) from error
    except ValueError as error:
        raise UserError(
            f"Expected JSON in {path}, found something else ({error}). Choose another "
            "search.name, or search.overwrite=true to begin afresh."
        ) from error
    return state


def _require_same(study: Study, stored: Mapping[str, Any], identity: Mapping[str, Any]) -> None:
    different = [
        f"  {key}: {stored.get(key, 'absent')} in the study, {identity.get(key, 'absent')} now"
        for key in dict.fromkeys([*stored, *identity])
        if stored.get(key) != identity.get(key)
    ]
    if different:
        raise UserError(
            "\n".join(
                [
                    f"The study {study.name} was begun with something else:",
                    *different,
                    "Choose another search.name, or search.overwrite=true to begin afresh.",
                ]
            )
        )


_SAVED_EVERY_SECONDS = 2.0


class StudyClock:
    """Count the seconds in which a study is searched.

    The count is written now and then, so that a killed run loses a moment of it at most.

    Args:
        study: the folder; its clock goes on where an earlier run's stopped.
    """

    def __init__(self, study: Study) -> None:
        self._path = study.directory / "clock.json"
        self._before = active_seconds(study)
        self._began = self._saved = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds of wall time, earlier runs included."""
        return self._before + time.monotonic() - self._began

    def tick(self) -> None:
        """Write the count when it has not been written for a moment."""
        if time.monotonic() - self._saved >= _SAVED_EVERY_SECONDS:
            self.save()

    def save(self) -> None:
        """Write the count."""
        write_json(self._path, {"active_seconds": round(self.seconds, 3)})
        self._saved = time.monotonic()


def active_seconds(study: Study) -> float:
    """Return how long a study was searched so far, in seconds of wall time."""
    path = study.directory / "clock.json"
    if not path.exists():
        return 0.0
    return float(read_state(path)["active_seconds"])


DATA, FINAL = "data.json", "final.json"


def write_facts(study: Study, name: str, facts: Mapping[str, Any]) -> None:
    """Write one of the study's files of facts, in place of an earlier run's.

    Args:
        study: the folder.
        name: `DATA` or `FINAL`.
        facts: what JSON can hold.

    Raises:
        UserError: when it cannot be written.
    """
    write_json(study.directory / name, facts)


def read_facts(study: Study, name: str) -> dict[str, Any] | None:
    """Read one of the study's files of facts.

    Args:
        study: the folder.
        name: `DATA` or `FINAL`.

    Returns:
        The facts; None where there are none yet, as in studies older than these files.

    Raises:
        UserError: when the file holds something else.
    """
    path = study.directory / name
    return read_state(path) if path.exists() else None


TOGETHER, EXCLUDED = "near_duplicates_together", "excluded"


def study_identity(
    config: SearchCommand, dataset: Dataset, space: Mapping[str, Domain]
) -> dict[str, Any]:
    """Return everything that must agree before a study may be resumed.

    The number of trials and the minutes are not among it: they may grow.
    """
    search = config.search
    identity: dict[str, Any] = {
        "data": dataset.content_hash,
        "validation_fraction": config.data.validation_fraction,
        "test_fraction": config.data.test_fraction,
        "seed": config.seed,
        "build": config.model.build,
        **{f"model.{name}": str(domain) for name, domain in space.items()},
        "algorithm": search.algorithm,
        "max_epochs": search.max_epochs,
        "patience": search.patience,
        "pruning": _pruning(search),
        "objective": f"{OBJECTIVE} max",
    }
    if search.algorithm == "hyperband":
        identity["hyperband_factor"] = search.hyperband_factor
    return identity | split_identity(dataset)


def split_identity(dataset: Dataset) -> dict[str, str]:
    """Return what options make of a split; those that are off leave no trace in the identity.

    So studies from before these options go on.
    """
    identity = {}
    if dataset.groups is not None:
        groups = dataset.groups.astype("<i8").tobytes()
        identity[TOGETHER] = hashlib.sha256(groups).hexdigest()[:16]
    if dataset.exclusion is not None:
        identity[EXCLUDED] = dataset.exclusion.identity
    return identity


def _pruning(search: SearchConfig) -> str:
    """Describe the rule by which trials end early, in what it depends on."""
    if search.pruner == "none":
        return "none"
    factor = f", factor {search.halving_factor}" if search.pruner == "halving" else ""
    return f"{search.pruner}, warm-up {search.warmup_epochs}, peers {search.min_peers}{factor}"


def default_name(model: str, data: str, identity: Mapping[str, Any]) -> str:
    """Return `<model>-<data>-<hash>`, the same for the same identity."""
    content = json.dumps(identity, sort_keys=True).encode()
    digest = hashlib.sha256(content).hexdigest()[:8]
    return f"{re.sub(r'[^A-Za-z0-9_.-]+', '_', f'{model}-{data}').lstrip('_.-')}-{digest}"
