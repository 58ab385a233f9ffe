"""Train a trial of a study again: its values, its seed and its data, with `search.from_trial`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from ecomcat.commands import SearchCommand
from ecomcat.config import DataConfig, ModelConfig
from ecomcat.data.dataset import Dataset
from ecomcat.errors import UserError
from ecomcat.files import expanded
from ecomcat.model.metrics import OBJECTIVE
from ecomcat.model.space import EXTRA
from ecomcat.tuning.records import read_state
from ecomcat.tuning.study import EXCLUDED, TOGETHER, read_study, split_identity

_TOGETHER_KEYS = ("group_near_duplicates", "near_duplicate_similarity")


@dataclass(frozen=True)
class Rerun:
    """What is known of the trial.

    Args:
        study: the study's name.
        trial_id: the trial's.
        root: number whose chance it takes.
        identity: what had to agree with the study.
        objective: macro-F1 that it reached; None when it failed.
        epochs: that it trained.
    """

    study: str
    trial_id: str
    root: int
    identity: Mapping[str, Any]
    objective: float | None
    epochs: int

    def compare(self, curves: Sequence[Mapping[str, float]]) -> str:
        """Say in a line how the trial's score then and now compare, over the same epochs."""
        now = max(row[OBJECTIVE] for row in curves[: self.epochs or None])
        then = "failed" if self.objective is None else f"macro-F1 {self.objective:.6f}"
        return (
            f"Trial {self.trial_id} of {self.study}, {self.epochs} epochs: {then} then, {now:.6f} "
            "now."
        )

    def require_same_data(self, dataset: Dataset) -> None:
        """Refuse other data than the study's.

        Raises:
            UserError: when the texts, their labels, their groups or the rows left out differ.
        """
        expected, found = self.identity["data"], dataset.content_hash
        if found != expected:
            raise UserError(
                f"Expected the data of the study {self.study} (hash {expected[:12]}), found other "
                f"texts or labels (hash {found[:12]}). Name the file that the study was searched "
                "on with data.path=FILE."
            )
        options = {"data.exclude": EXCLUDED, "data.group_near_duplicates": TOGETHER}
        now = split_identity(dataset)
        for option, name in options.items():
            then = self.identity.get(name, "none")
            if then != now.get(name, "none"):
                raise UserError(
                    f"Expected the split of the study {self.study}, found another by {option}: "
                    f"{then} then, {now.get(name, 'none')} now. Put the marks back that the file "
                    "had, and the versions of the packages."
                )


def configure_rerun(config: SearchCommand) -> tuple[SearchCommand, Rerun]:
    """Return a configuration that trains a study's trial again, and what is known of the trial.

    Hyperparameters, seed, split and epochs are the study's, and so is the data unless
    `data.path` names a file.

    Args:
        config: with `search.from_trial`.

    Raises:
        UserError: when there is no such study or trial.
    """
    study_name, _, trial_id = str(config.search.from_trial).partition("/")
    directory = expanded(config.outputs_dir) / "search" / study_name
    if not study_name or not (directory / "study.json").is_file():
        raise UserError(
            f"search.from_trial: expected <study>/<trial>, such as my-study/0007, of a study in "
            f"{directory.parent}; found {config.search.from_trial!r}."
        )
    stored = read_study(directory)
    record = _read_record(directory, trial_id)
    identity = stored["identity"]
    kept = DataConfig(**stored["config"]["data"])
    data = config.data if config.data.path else kept
    fractions = {key: identity[key] for key in ("validation_fraction", "test_fraction")}
    together = {key: getattr(kept, key) for key in _TOGETHER_KEYS}
    search = replace(
        config.search,
        max_trials=1,
        max_epochs=identity["max_epochs"],
        patience=identity["patience"],
        pruner={"_target_": "ecomcat.tuning.pruners.NoPruner"},
        workers=1,
    )
    rerun = Rerun(
        study_name,
        trial_id,
        record["root"],
        identity,
        record["objective"],
        record["epochs"],
    )
    model_dir = config.model_dir
    if model_dir == SearchCommand.model_dir:
        # A trial that is looked at again does not take the place of the model in use.
        model_dir = str(Path(config.outputs_dir) / "rerun" / f"{study_name}-{trial_id}")
    return replace(
        config,
        model_dir=model_dir,
        data=replace(data, exclude=config.data.exclude or kept.exclude, **fractions, **together),
        model=_model(f"rerun-{study_name}-{trial_id}", identity["build"], record["values"]),
        search=search,
        seed=identity["seed"],
    ), rerun


def _read_record(directory: Path, trial_id: str) -> dict[str, Any]:
    path = directory / "trials" / trial_id / "record.json"
    if not trial_id or not path.is_file():
        found = sorted(entry.name for entry in (directory / "trials").glob("*"))
        raise UserError(
            f"search.from_trial: expected a trial of the study {directory.name}, one of "
            f"{', '.join(found[:3])} to {found[-1] if found else 'none'}, found {trial_id!r}."
        )
    return read_state(path)


def _model(name: str, build: str, values: dict[str, Any]) -> ModelConfig:
    extra = {key.removeprefix(EXTRA): value for key, value in values.items() if EXTRA in key}
    names = {entry.name for entry in fields(ModelConfig)}
    known = {key: value for key, value in values.items() if key in names}
    return ModelConfig(name=name, build=build, extra=extra, **known)
