"""How long a study was searched, all of its runs added."""

from __future__ import annotations

import time

from ecomcat.files import write_json
from ecomcat.tuning.study.study import Study, read_state

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
