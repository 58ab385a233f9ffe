"""Hyperband's brackets as Keras Tuner fills them, rebuilt from the records of the trials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras_tuner

if TYPE_CHECKING:
    from ecomcat.tuning.oracle import StudyOracle


class Brackets(keras_tuner.oracles.HyperbandOracle):
    """Keras Tuner's Hyperband, which draws the trials of a study.

    Args:
        study: `StudyOracle`. Its trials are the brackets' own.
        factor: Integer. One trial in this many goes on from a rung.
    """

    def __init__(self, study: StudyOracle, factor: int) -> None:
        super().__init__(
            objective=study.objective,
            max_epochs=study.max_epochs,
            factor=factor,
            hyperband_iterations=None,  # until the budget is spent
            hyperparameters=study.get_space(),
            seed=study.seed,
        )
        self._study = study
        self.trials, self.ongoing_trials = study.trials, study.ongoing_trials
        self._recall()

    def _random_values(self) -> dict[str, Any] | None:
        return self._study.algorithm.draw(self._study)

    def _get_size(self, bracket_num: int, round_num: int) -> int:
        """Return how many trials a round has: no more than a small space has configurations."""
        size: int = super()._get_size(bracket_num, round_num)
        if round_num > 0 or not self._study.exhausted:
            return size
        brackets = [each for each in self._brackets if each["bracket_num"] == bracket_num]
        return min(size, max((len(each["rounds"][0]) for each in brackets), default=0))

    def _recall(self) -> None:
        """Put the trials of earlier runs where they were."""
        for trial_id in sorted(self.trials, key=int):
            plan = self.trials[trial_id].hyperparameters.values
            number, parent = plan["tuner/round"], plan.get("tuner/trial_id")
            if number == 0:
                self._open_bracket(plan["tuner/bracket"])
                parent, bracket = None, self._brackets[-1]
            else:
                bracket = next(each for each in self._brackets if _holds(each, number - 1, parent))
            bracket["rounds"][number].append({"past_id": parent, "id": trial_id})

    def _open_bracket(self, number: int) -> None:
        """Begin new brackets until the last one has a number and room for another trial."""
        last = self._brackets[-1]
        full = len(last["rounds"][0]) >= super()._get_size(last["bracket_num"], 0)
        if full or last["bracket_num"] != number:
            self._increment_bracket_num()
            self._start_new_bracket()
            self._open_bracket(number)


def _holds(bracket: dict[str, Any], number: int, trial_id: str) -> bool:
    """Return whether a trial stands in a round of a bracket."""
    rounds = bracket["rounds"]
    return number < len(rounds) and any(each["id"] == trial_id for each in rounds[number])
