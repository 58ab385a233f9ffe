"""The folder of a study: held by one run at a time, resumed only with what it was begun with.

A trial of it is trained again with its values, its seed and its data: `search.from_trial`.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ecomcat.commands import SearchCommand
from ecomcat.config import DataConfig, ModelConfig
from ecomcat.data.dataset import Dataset
from ecomcat.data.header import SPLIT
from ecomcat.errors import UserError, name_five
from ecomcat.files import UNFINISHED, expanded, followed, require_writable, write_json
from ecomcat.model.metrics import OBJECTIVE
from ecomcat.model.space import EXTRA, Domain
from ecomcat.tuning.algorithms import make_algorithm
from ecomcat.tuning.pruners import make_pruner
from ecomcat.tuning.records import TrialRecord, TrialTable, read_state

_STUDY_FILE, _LOCK_FILE = "study.json", ".lock"
_FORMAT = 4
DATA, FINAL, CLOCK = "data.json", "final.json", "clock.json"
TOGETHER, EXCLUDED, GIVEN = "near_duplicates_together", "excluded", "given_split"
# What the data's identity depends on.
_OPTIONS = {
    "data": "data.path",
    EXCLUDED: "data.exclude",
    TOGETHER: "data.group_near_duplicates or data.group_column",
    GIVEN: "data.split_column, data.validation_path or data.test_path",
}
_SPLIT_FILES = ("exclude", "validation_path", "test_path", "split_column", "group_column")


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

    @property
    def active_seconds(self) -> float:
        """How long it was searched so far, in seconds of wall time."""
        clock = self.read(CLOCK)
        return float(clock["active_seconds"]) if clock else 0.0

    def write(self, name: str, content: Mapping[str, Any]) -> None:
        """Write one of its JSON files, such as what the report says of the data."""
        write_json(self.directory / name, content)

    def read(self, name: str) -> dict[str, Any] | None:
        """Read what `write` wrote; None where it was not written yet."""
        path = self.directory / name
        return read_state(path, dict[str, Any]) if path.exists() else None

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


def require_apart(model_dir: Path, root: Path) -> None:
    """Check that the exported folder, which is replaced as a whole, is none of studies.

    Raises:
        UserError: It is the root of all studies, holds it or lies within it.
    """
    model, studies = followed(model_dir), followed(root)
    if studies.is_relative_to(model) or model.is_relative_to(studies):
        raise UserError(
            f"Expected a folder of its own at model_dir={model_dir}, found one that holds studies "
            f"or lies among them ({root}). Name another with model_dir=FOLDER."
        )


def require_study_place(root: Path, name: str) -> None:
    """Check that a study of this name can stand under the root, without making anything.

    Raises:
        UserError: Something other than a study stands there, or the place cannot be written to.
    """
    directory = root / name
    require_writable(directory, "outputs_dir")
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
    if len(dataset.excluded):
        marked = b"".join(dataset.digests[row] for row in dataset.excluded)
        identity[EXCLUDED] = hashlib.sha256(marked).hexdigest()[:16]
    if dataset.given:
        parts = dataset.frame[SPLIT].to_numpy("<i8").tobytes()
        identity[GIVEN] = hashlib.sha256(parts).hexdigest()[:16]
    return identity


def default_name(model: str, data: str, identity: Mapping[str, Any]) -> str:
    """Return `<model>-<data>-<hash>`, the same for the same identity."""
    content = json.dumps(identity, sort_keys=True).encode()
    digest = hashlib.sha256(content).hexdigest()[:8]
    return f"{re.sub(r'[^A-Za-z0-9_.-]+', '_', f'{model}-{data}').lstrip('_.-')}-{digest}"


@dataclass(frozen=True)
class Rerun:
    """A trial that is trained again, its study's name, and what had to agree with the study."""

    study: str
    trial: TrialRecord
    identity: Mapping[str, Any]

    def compare(self, curves: Sequence[Mapping[str, float]]) -> str:
        """Describe in a line the trial's score then and now, over the same epochs."""
        then, epochs = self.trial.objective, self.trial.epochs
        now = max(row[OBJECTIVE] for row in curves[: epochs or None])
        before = "failed" if then is None else f"macro-F1 {then:.6f}"
        return (
            f"Trial {self.trial.id} of {self.study}, {epochs} epochs: {before} then, {now:.6f} now."
        )

    def require_same_data(self, dataset: Dataset) -> None:
        """Refuse other data than the study's.

        Raises:
            UserError: The texts, their labels, their groups or the rows left out differ.
        """
        found = data_identity(dataset)
        for name, option in _OPTIONS.items():
            then, now = self.identity.get(name, "none"), found.get(name, "none")
            if then != now:
                raise UserError(
                    f"Expected the data of the study {self.study}, found other data by "
                    f"{option}: {then[:12]} then, {now[:12]} now. Name the files that the "
                    "study was searched on, unchanged."
                )


def configure_rerun(config: SearchCommand) -> tuple[SearchCommand, Rerun]:
    """Return a configuration that trains a study's trial again, and what is known of the trial.

    Hyperparameters, seed, split and epochs are the study's, and so is the data unless
    `data.path` names a file.

    Raises:
        UserError: There is no such study or trial.
    """
    name, _, trial_id = str(config.search.from_trial).partition("/")
    study = Study(expanded(config.outputs_dir) / "search" / name)
    trial = study.trials.get(trial_id)
    if not name or trial is None:
        trials = name_five(record.id for record in study.trials.records)
        raise UserError(
            f"search.from_trial: expected <study>/<trial>, such as my-study/0007, of a study in "
            f"{study.directory.parent}; found {config.search.from_trial!r}. Trials of the study "
            f"{name}: {trials}."
        )
    stored = read_study(study.directory)
    identity, saved = stored["identity"], DataConfig(**stored["config"]["data"])
    data = replace(
        config.data if config.data.path else saved,
        **{key: getattr(config.data, key) or getattr(saved, key) for key in _SPLIT_FILES},
        validation_fraction=saved.validation_fraction,
        test_fraction=saved.test_fraction,
        group_near_duplicates=saved.group_near_duplicates,
        near_duplicate_similarity=saved.near_duplicate_similarity,
    )
    search = replace(
        config.search,
        max_trials=1,
        max_epochs=identity["max_epochs"],
        patience=identity["patience"],
        pruner={"_target_": "ecomcat.tuning.pruners.NoPruner"},
        workers=1,
    )
    model_dir = config.model_dir
    if model_dir == SearchCommand.model_dir:
        # A trial that is looked at again does not take the place of the model in use.
        model_dir = str(Path(config.outputs_dir) / "rerun" / f"{name}-{trial_id}")
    model = _model(f"rerun-{name}-{trial_id}", identity["build"], trial.values)
    return replace(
        config, model_dir=model_dir, data=data, model=model, search=search, seed=identity["seed"]
    ), Rerun(name, trial, identity)


def _model(name: str, build: str, values: dict[str, Any]) -> ModelConfig:
    extra = {key.removeprefix(EXTRA): value for key, value in values.items() if EXTRA in key}
    names = {entry.name for entry in fields(ModelConfig)}
    known = {key: value for key, value in values.items() if key in names}
    return ModelConfig(name=name, build=build, extra=extra, **known)
