"""What a report is made of, read from the study's folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ecomcat.config import ModelConfig, SearchCommand
from ecomcat.model.domains import Domain, Range
from ecomcat.model.space import read_space, resolve_auto
from ecomcat.reporting.endings import our_command
from ecomcat.tuning.study.clock import active_seconds
from ecomcat.tuning.study.facts import DATA, FINAL, read_facts
from ecomcat.tuning.study.records import COMPLETED, RUNNING, TrialRecord, load_records
from ecomcat.tuning.study.study import Study, read_study


@dataclass(frozen=True)
class StudyContents:
    """A study as it stands.

    Args:
        directory: the study's folder.
        identity: what a resume must agree with.
        config: of the run that began it.
        records: of its trials, in the order of their numbers.
        seconds: that it was searched for.
        data: facts of its data; None in studies older than these.
        final: facts of its final model; None before there is one.
    """

    directory: Path
    identity: Mapping[str, Any]
    config: Mapping[str, Any]
    records: Sequence[TrialRecord]
    seconds: float
    data: Mapping[str, Any] | None
    final: Mapping[str, Any] | None

    @property
    def name(self) -> str:
        """The study's name."""
        return self.directory.name

    def our_command(self, command: str, argument: str) -> str:
        """Return how one of our commands is typed that is about this study.

        Args:
            command: its name, such as `"train"`.
            argument: its override.
        """
        outputs = str(self.directory.parent.parent)
        others = [] if outputs == SearchCommand.outputs_dir else [f"outputs_dir={outputs}"]
        return our_command(command, argument, *others)

    @cached_property
    def ended(self) -> list[TrialRecord]:
        """Trials that completed, were pruned or failed."""
        return [record for record in self.records if record.status != RUNNING]

    @cached_property
    def scored(self) -> list[TrialRecord]:
        """Ended trials that reached a score."""
        return [record for record in self.ended if record.objective is not None]

    @cached_property
    def ranked(self) -> list[TrialRecord]:
        """Completed trials, the best first, the earliest of equals first."""
        completed = [record for record in self.scored if record.status == COMPLETED]
        return sorted(completed, key=lambda record: -(record.objective or 0.0))

    @cached_property
    def searched(self) -> list[str]:
        """Names of the hyperparameters in which scored trials differ."""
        names = self.scored[0].values if self.scored else ()
        return [
            name
            for name in names
            if len({repr(record.values.get(name)) for record in self.scored}) > 1
        ]

    @cached_property
    def space(self) -> dict[str, Domain]:
        """The domains that were searched; empty where the number of training texts is not known."""
        if self.data is None:
            return {}
        space = read_space(ModelConfig(**self.config["model"]))
        return resolve_auto(space, self.data["data"]["split"]["train"])

    def is_logarithmic(self, name: str) -> bool:
        """Tell whether a hyperparameter was drawn by its logarithm."""
        domain = self.space.get(name)
        return isinstance(domain, Range) and domain.log


def read_contents(study: Study) -> StudyContents:
    """Read a study's folder; a search may be writing to it.

    Args:
        study: the folder.

    Raises:
        UserError: when a file cannot be read, or another version of ecomcat wrote it.
    """
    stored = read_study(study.directory)
    return StudyContents(
        study.directory,
        stored["identity"],
        stored["config"],
        load_records(study),
        active_seconds(study),
        read_facts(study, DATA),
        read_facts(study, FINAL),
    )
