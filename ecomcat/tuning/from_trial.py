"""Train a study's trial again with its values, its seed and its data: `search.from_trial`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from ecomcat.command_config import SearchCommand
from ecomcat.config import DataConfig
from ecomcat.data.dataset import Dataset
from ecomcat.errors import UserError, name_five
from ecomcat.files import expanded
from ecomcat.hyperparameters import ModelConfig
from ecomcat.model.metrics import OBJECTIVE
from ecomcat.model.space import EXTRA
from ecomcat.tuning.records import TrialRecord
from ecomcat.tuning.study import (
    EPOCH_TEXTS,
    EXCLUDED,
    GIVEN,
    TOGETHER,
    Study,
    data_identity,
    read_study,
)

# The options on which the data's identity depends.
_OPTIONS = {
    "data": "data.path",
    EXCLUDED: "data.exclude",
    TOGETHER: "data.group_near_duplicates or data.group_column",
    GIVEN: "data.split_column, data.validation_path or data.test_path",
}
_SPLIT_FILES = ("exclude", "validation_path", "test_path", "split_column", "group_column")


@dataclass(frozen=True)
class Rerun:
    """A trial that is trained again, its study's name, and the identity of the study."""

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
    """Return a configuration that trains a study's trial again, and the trial.

    Hyperparameters, seed, split and epochs are the study's, and so is the data unless
    `data.path` names a file.

    Raises:
        UserError: There is no such study or trial.
    """
    study, trial = _named_trial(config)
    stored, name = read_study(study.directory), f"{study.name}-{trial.id}"
    identity, saved = stored["identity"], DataConfig(**stored["config"]["data"])
    search = replace(
        config.search,
        max_trials=1,
        max_epochs=identity["max_epochs"],
        epoch_texts=identity.get(EPOCH_TEXTS),
        fidelity="epochs",  # unless the study's epochs read parts
        patience=identity["patience"],
        pruner={"_target_": "ecomcat.tuning.pruners.NoPruner"},
        workers=1,
    )
    model_dir = config.model_dir
    if model_dir == SearchCommand.model_dir:
        # A trial that is trained again must not replace the model in use.
        model_dir = str(Path(config.outputs_dir) / "rerun" / name)
    model = _model(f"rerun-{name}", identity["build"], trial.values)
    return replace(
        config,
        model_dir=model_dir,
        data=_with_saved_split(config.data, saved),
        model=model,
        search=search,
        seed=identity["seed"],
    ), Rerun(study.name, trial, identity)


def _with_saved_split(given: DataConfig, saved: DataConfig) -> DataConfig:
    """Return the given data, or else the saved ones, split as those of the study were."""
    return replace(
        given if given.path else saved,
        **{key: getattr(given, key) or getattr(saved, key) for key in _SPLIT_FILES},
        validation_fraction=saved.validation_fraction,
        test_fraction=saved.test_fraction,
        group_near_duplicates=saved.group_near_duplicates,
        near_duplicate_similarity=saved.near_duplicate_similarity,
    )


def _named_trial(config: SearchCommand) -> tuple[Study, TrialRecord]:
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
    return study, trial


def _model(name: str, build: str, values: dict[str, Any]) -> ModelConfig:
    extra = {key.removeprefix(EXTRA): value for key, value in values.items() if EXTRA in key}
    names = {entry.name for entry in fields(ModelConfig)}
    known = {key: value for key, value in values.items() if key in names}
    return ModelConfig(name=name, build=build, extra=extra, **known)
