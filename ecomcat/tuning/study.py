"""The folder of a study: one run at a time holds it, and resumes it only with the same settings."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from filelock import FileLock, Timeout

from ecomcat.command_config import SearchCommand
from ecomcat.data.dataset import Dataset
from ecomcat.data.header import SPLIT
from ecomcat.errors import UserError
from ecomcat.files import UNFINISHED, followed, remove_abandoned, require_writable
from ecomcat.json_files import UnreadableError, read_json, write_with_digest
from ecomcat.model.metrics import OBJECTIVE
from ecomcat.model.space import Domain
from ecomcat.tuning.algorithms import make_algorithm
from ecomcat.tuning.pruners import make_pruner
from ecomcat.tuning.trial_files import BEST_WEIGHTS, LAST_STATE, VALIDATION
from ecomcat.tuning.trial_table import TABLE, TRIALS, TrialTable

_STUDY_FILE, _LOCK_FILE = "study.json", ".lock"
_FORMAT = 7
STUDY = "study"  # the key of the copy of `study.json` in `data.json`
DATA, FINAL, CLOCK = "data.json", "final.json", "clock.json"
TOGETHER, EXCLUDED, GIVEN = "near_duplicates_together", "excluded", "given_split"
EPOCH_TEXTS = "epoch_texts"

logger = logging.getLogger("ecomcat")


class _Format(TypedDict):
    format: int


class _Begun(_Format):
    name: str
    identity: dict[str, Any]
    config: dict[str, Any]


class _Data(TypedDict):
    data: dict[str, Any]
    lengths: dict[str, Any]
    versions: dict[str, Any]
    study: NotRequired[_Begun]


class _ExportedParts(TypedDict):
    trial: str
    linear_weight: float | int


class _ExportedMetrics(TypedDict):
    final: _ExportedParts


class _Final(TypedDict):
    model_dir: str
    metrics: _ExportedMetrics
    calibration: dict[str, Any]
    coverage: dict[str, Any]
    mistakes: list[Any]


class _Clock(TypedDict):
    active_seconds: float


_SHAPES = {DATA: _Data, FINAL: _Final, CLOCK: _Clock}


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
        """The folder of TensorBoard's events of this study."""
        return self.directory / "tensorboard"

    @cached_property
    def trials(self) -> TrialTable:
        """The study's trials, read once and brought up to date by the search."""
        return TrialTable(self.directory)

    @property
    def active_seconds(self) -> float:
        """How long it has been searched so far, in seconds of wall time."""
        try:
            seconds = float(read_json(self.directory / CLOCK, _Clock)["active_seconds"])
        except UnreadableError:
            seconds = math.nan
        if 0 <= seconds < math.inf:
            return seconds
        return max((record.ended_at or 0.0 for record in self.trials.records), default=0.0)

    def write(self, name: str, content: Mapping[str, Any]) -> None:
        """Write one of its JSON files, such as the report's part about the data."""
        # If one is damaged, the other one has the settings that the study was begun with.
        copy = {STUDY: read_study(self.directory)} if name == DATA else {}
        write_with_digest(self.directory / name, {**content, **copy})

    def read(self, name: str) -> dict[str, Any] | None:
        """Read what `write` wrote; None if it was not written yet, or is damaged."""
        path = self.directory / name
        try:
            content: dict[str, Any] = read_json(path, _SHAPES[name])
        except UnreadableError as error:
            if path.exists():
                logger.warning("%s It is left out until a search writes it again.", error)
            return None
        return content

    def trial_dir(self, trial_id: str) -> Path:
        """Return the folder of one trial."""
        return self.directory / TRIALS / trial_id


@contextmanager
def open_study(
    root: Path,
    name: str,
    identity: Mapping[str, Any],
    *,
    overwrite: bool,
    config: Mapping[str, Any] | None = None,
    needed: Collection[str] = (),
) -> Iterator[Study]:
    """Hold a study's folder, new or to be resumed.

    Args:
        root: Path. The folder of all studies.
        name: String. The study's folder in it.
        identity: Mapping. All that must agree with an existing study.
        overwrite: Boolean. Remove an earlier study of this name.
        config: Mapping. Configuration of the run that begins the study, saved with the identity.
        needed: Names of the files that each ended trial must have; if one is gone or damaged, the
            trial is run again. Defaults to none.

    Raises:
        UserError: Another process holds the study, the folder is not a study's, or the study was
            begun with another identity.
    """
    require_study_place(root, name)
    study = Study(root / name)
    study.directory.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(study.directory / _LOCK_FILE, timeout=0):
            remove_abandoned(study.directory, UNFINISHED)
            if overwrite:
                _empty(study.directory)
            _begin_or_resume(study, identity, config or {})
            study.trials.repair(needed)
            yield study
    except Timeout as error:
        raise UserError(
            f"Another run holds the study {study.directory}. Wait for it, or give this one "
            "another name with search.name=NAME."
        ) from error


def require_study_place(root: Path, name: str | None, model_dir: Path | None = None) -> None:
    """Check that a study can be made under the root, without making anything.

    Args:
        root: Path. The folder of all studies.
        name: String. The study's name; `None` if it depends on the data, which is not read yet.
        model_dir: Path. The exported folder. Defaults to none.

    Raises:
        UserError: Something other than a study is there, the place cannot be written to, or the
            exported folder, which is replaced as a whole, contains studies or is among them.
    """
    model, studies = model_dir and followed(model_dir), followed(root)
    if model and (studies.is_relative_to(model) or model.is_relative_to(studies)):
        raise UserError(
            f"Expected a separate folder at model_dir={model_dir}, found one that contains studies "
            f"or is among them ({root}). Name another with model_dir=FOLDER."
        )
    directory = root / (name or "study")
    require_writable(root.parent, "outputs_dir", f"{root.name}/{directory.name}/{_STUDY_FILE}")
    if name is None:
        return
    entries = {path.name for path in directory.iterdir()} if directory.is_dir() else set()
    entries = {name for name in entries if not name.startswith(UNFINISHED)}
    if entries - {_LOCK_FILE} and not is_study(directory):
        raise UserError(
            f"Expected a study or nothing at {directory}, found other files (no {_STUDY_FILE}). "
            "Choose another search.name; nothing there was touched."
        )


def _begin_or_resume(study: Study, identity: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    if not is_study(study.directory):
        content = {"format": _FORMAT, "name": study.name, "identity": identity, "config": config}
        study.write(_STUDY_FILE, content)
        return
    stored = read_study(study.directory)
    begun = stored["identity"]
    different = "".join(
        f"  {key}: {begun.get(key, 'absent')} in the study, {identity.get(key, 'absent')} now\n"
        for key in dict.fromkeys([*begun, *identity])
        if begun.get(key) != identity.get(key)
    )
    if different:
        raise UserError(
            f"The study {study.name} was begun with other data or settings:\n{different}"
            "Choose another search.name, or search.overwrite=true to begin again."
        )
    study.write(_STUDY_FILE, stored)  # it may have been read from its copy


def is_study(directory: Path) -> bool:
    """Return whether a folder is a study's, by its own file or the copy of it."""
    return (directory / _STUDY_FILE).exists() or _copy_of_begun(directory) is not None


def _copy_of_begun(directory: Path) -> dict[str, Any] | None:
    try:
        copy: dict[str, Any] | None = read_json(directory / DATA, _Data).get(STUDY)
    except UnreadableError:
        return None
    return copy


def _empty(directory: Path) -> None:
    """Remove a study's content, so that at any moment a study or nothing is left."""
    # The trials first, since the table would restore each; and the study's own file last, since
    # without it the folder would not be recognised as ours.
    order = {TABLE: 0, TRIALS: 1, _STUDY_FILE: 3}
    entries = [entry for entry in directory.iterdir() if entry.name != _LOCK_FILE]
    for entry in sorted(entries, key=lambda entry: order.get(entry.name, 2)):
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def read_study(directory: Path) -> dict[str, Any]:
    """Read a study's `name`, and the `identity` and `config` that it was begun with.

    Raises:
        UserError: The file cannot be read, nor its copy, or another version of ecomcat wrote it.
    """
    path = directory / _STUDY_FILE
    try:
        _require_format(directory, read_json(path, _Format))
        stored: dict[str, Any] = read_json(path, _Begun)
    except UnreadableError as error:
        copy = _copy_of_begun(directory)
        if copy is None:
            raise UserError(
                f"{error} Its copy in {DATA} cannot be read either. Restore one of them, or "
                f"choose another search.name; the study's trials are in {directory / TABLE}."
            ) from error
        _require_format(directory, copy)
        logger.warning("%s Its copy in %s is used.", error, DATA)
        return copy
    return stored


def _require_format(directory: Path, stored: Mapping[str, Any]) -> None:
    if (found := stored["format"]) != _FORMAT:
        raise UserError(
            f"The study {directory} was written in format {found}, this version reads {_FORMAT}. "
            "Run its search again, with another search.name or with search.overwrite=true."
        )


def needed_files(config: SearchCommand) -> tuple[str, ...]:
    """Return the files that a search needs from each ended trial."""
    if make_algorithm(config.search).continues_trials:
        return VALIDATION, BEST_WEIGHTS, LAST_STATE
    return (VALIDATION,) if config.final.retrain else (VALIDATION, BEST_WEIGHTS)


def study_identity(
    config: SearchCommand, dataset: Dataset, space: Mapping[str, Domain]
) -> dict[str, Any]:
    """Return everything that must agree before a study may be resumed.

    The number of trials and the minutes are not included: they may grow.
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
        **({EPOCH_TEXTS: texts} if (texts := config.search.epoch_texts) else {}),
        "patience": config.search.patience,
        "pruning": make_pruner(config.search).identity(),
        "objective": f"{OBJECTIVE} max",
    }


def data_identity(dataset: Dataset) -> dict[str, str]:
    """Return hashes of the data and of options that change it; options that are off add nothing."""
    content: dict[str, bytes] = {}
    if dataset.groups is not None:
        content[TOGETHER] = dataset.groups.astype("<i8").tobytes()
    if len(dataset.excluded):
        content[EXCLUDED] = b"".join(dataset.digests[row] for row in dataset.excluded)
    if dataset.given:
        content[GIVEN] = dataset.frame[SPLIT].to_numpy("<i8").tobytes()
    hashes = {name: hashlib.sha256(each).hexdigest()[:16] for name, each in content.items()}
    return {"data": dataset.content_hash, **hashes}


def default_name(model: str, data: str, identity: Mapping[str, Any]) -> str:
    """Return `<model>-<data>-<hash>`, the same for the same identity."""
    content = json.dumps(identity, sort_keys=True).encode()
    digest = hashlib.sha256(content).hexdigest()[:8]
    return f"{re.sub(r'[^A-Za-z0-9_.-]+', '_', f'{model}-{data}').lstrip('_.-')}-{digest}"
