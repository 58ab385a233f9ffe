"""`search.from_trial=<study>/<id>`: train one trial of a study again, alone, as it was trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from ecomcat.config import DataConfig, ModelConfig, SearchCommand
from ecomcat.errors import UserError
from ecomcat.model.scores import OBJECTIVE
from ecomcat.model.space import EXTRA
from ecomcat.tuning.study.identity import file_hash
from ecomcat.tuning.study.study import read_state, read_study


@dataclass(frozen=True)
class Rerun:
    """What is known of the trial.

    Args:
        study: the study's name.
        trial_id: the trial's.
        root: number whose chance it takes.
        content_hash: of the data that the study was begun with.
        objective: macro-F1 that it reached; None when it failed.
        epochs: that it trained.
    """

    study: str
    trial_id: str
    root: int
    content_hash: str
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

    def require_same_data(self, content_hash: str) -> None:
        """Refuse other data than the study's.

        Raises:
            UserError: when the texts or their labels differ.
        """
        if content_hash != self.content_hash:
            raise UserError(
                f"Expected the data of the study {self.study} (hash {self.content_hash[:12]}), "
                f"found other texts or labels (hash {content_hash[:12]}). Name the file that the "
                "study was searched on with data.path=FILE."
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
    directory = Path(config.outputs_dir).expanduser() / "search" / study_name
    if not study_name or not (directory / "study.json").is_file():
        raise UserError(
            f"search.from_trial: expected <study>/<trial>, such as my-study/0007, of a study in "
            f"{directory.parent}; found {config.search.from_trial!r}."
        )
    stored = read_study(directory)
    record = _read_record(directory, trial_id)
    identity = stored["identity"]
    data = config.data if config.data.path else DataConfig(**stored["config"]["data"])
    fractions = {key: identity[key] for key in ("validation_fraction", "test_fraction")}
    search = replace(
        config.search,
        max_trials=1,
        max_epochs=identity["max_epochs"],
        patience=identity["patience"],
        pruner="none",
        workers=1,
    )
    rerun = Rerun(
        study_name,
        trial_id,
        record["root"],
        identity["data"],
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
        data=replace(data, **fractions),
        model=replace(
            _model(f"rerun-{study_name}-{trial_id}", identity["build"], record["values"]),
            pretrained_vectors=_vectors(config, stored),
        ),
        search=search,
        seed=identity["seed"],
    ), rerun


def _vectors(config: SearchCommand, stored: dict[str, Any]) -> str | None:
    """Return the file of word vectors: the study's, where it is or where the command says.

    Raises:
        UserError: when it is not the file that the study was searched with.
    """
    expected = stored["identity"].get("pretrained_vectors")
    if expected is None:
        return None
    path = config.model.pretrained_vectors or stored["config"]["model"]["pretrained_vectors"]
    if not Path(path).expanduser().is_file() or file_hash(path) != expected:
        raise UserError(
            f"model.pretrained_vectors: expected the file that the study was searched with (hash "
            f"{expected}), found another or none at {path}. Name it."
        )
    return str(path)


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
    # Studies that are older than this hyperparameter let the LSTM read all.
    values = {"lstm_tokens": values["max_tokens"], **values}
    known = {key: value for key, value in values.items() if key in names}
    return ModelConfig(name=name, build=build, extra=extra, **known)
