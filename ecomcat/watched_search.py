"""A search that is watched: what it begins from, a progress display, TensorBoard, how it stops."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ecomcat.config import SearchCommand
from ecomcat.model.domains import Domain
from ecomcat.model.space import EXTRA, space_size
from ecomcat.reporting.durations import format_seconds
from ecomcat.reporting.progress import SearchProgress
from ecomcat.tuning.study.clock import active_seconds
from ecomcat.tuning.study.records import RUNNING, TrialRecord, best_record, load_records
from ecomcat.tuning.study.study import Study

if TYPE_CHECKING:
    from ecomcat.tuning.search import SearchResult
    from ecomcat.tuning.workers.trial import TrialInputs

logger = logging.getLogger("ecomcat")


def watched_search(
    config: SearchCommand, inputs: TrialInputs, space: Mapping[str, Domain], study: Study
) -> SearchResult:
    """Search, and tell the user and TensorBoard how it goes.

    Args:
        config: of the run.
        inputs: what all trials share.
        space: domain of each hyperparameter.
        study: the folder.

    Raises:
        UserError: when no trial has completed.
    """
    from ecomcat.reporting.tensorboard import TensorBoardListener
    from ecomcat.study_report.listener import ReportListener
    from ecomcat.tuning.search import run_search

    records = load_records(study)
    ended = [record for record in records if record.status != RUNNING]
    seconds_left = config.search.max_minutes * 60 - active_seconds(study)
    _say_what_begins(config, space, study, ended, seconds_left)
    progress = SearchProgress(
        config.search.max_trials,
        seconds_left,
        names=[name for name, domain in space.items() if not domain.fixed],
        done=len(ended),
        best=best_record(records),
    )
    extra = [name for name in space if name.startswith(EXTRA)]
    report = ReportListener(study)
    try:
        with progress.live():
            listeners = (progress, TensorBoardListener(study, extra), report)
            return run_search(config, inputs, space, study, listeners)
    except (KeyboardInterrupt, SystemExit):
        _say_how_to_go_on(config, study)
        raise
    finally:
        report.close()


def _say_how_to_go_on(config: SearchCommand, study: Study) -> None:
    afresh = " without search.overwrite=true" if config.search.overwrite else ""
    logger.info("Stopped. The same command%s goes on with study %s.", afresh, study.name)
    records = load_records(study)
    ended = sum(record.status != RUNNING for record in records)
    if best_record(records) is not None:
        logger.info(
            "Its trials so far: %s. To export the best of them: the same command%s with "
            "search.max_trials=%d.",
            study.directory / "trials.csv",
            afresh,
            ended,
        )


def _say_what_begins(
    config: SearchCommand,
    space: Mapping[str, Domain],
    study: Study,
    ended: Sequence[TrialRecord],
    seconds_left: float,
) -> None:
    if ended:
        logger.info(
            "Resuming study %s: %d trials are there, %s of %g minutes are left.",
            study.name,
            len(ended),
            format_seconds(max(0.0, seconds_left)),
            config.search.max_minutes,
        )
        return
    size = space_size(space)
    counted = "a continuous space" if math.isinf(size) else f"{size:.0f} configurations"
    if size == 1:
        counted = "one configuration"
    logger.info("Study: %s (%s search of %s)", study.directory, config.search.algorithm, counted)
