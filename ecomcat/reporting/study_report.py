"""The report of a study, `report.html`: written while it is searched, and at its end."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ecomcat.command_config import SearchCommand
from ecomcat.console import format_seconds, log_if_stopped, our_command, step
from ecomcat.errors import UserError, name_five
from ecomcat.files import write_text
from ecomcat.hyperparameters import ModelConfig
from ecomcat.model.space import Domain, read_space, resolve_auto
from ecomcat.reporting.charts import (
    MAX_BARS,
    calibration_chart,
    confusion_chart,
    coverage_chart,
    learning_chart,
    progress_charts,
    scores_chart,
    space_charts,
)
from ecomcat.reporting.html_frame import Chart, render
from ecomcat.reporting.printed_tables import differing_names, per_class_table
from ecomcat.tuning.listeners import SearchListener
from ecomcat.tuning.records import COMPLETED, RUNNING, TrialRecord, best_record
from ecomcat.tuning.study import DATA, FINAL, Study, read_study
from ecomcat.wording.level_tables import level_tables
from ecomcat.wording.summary import (
    coverage_table,
    hardest_pairs,
    model_sentences,
    parts_table,
    score_sets,
    scores_table,
    shown_scores,
    verdict,
)
from ecomcat.wording.table import Table

logger = logging.getLogger("ecomcat")

REPORT = "report.html"
_REFRESH_SECONDS = 60
_FOLDED_CLASSES = 10  # after which a table of categories is folded
_MIN_SECONDS, _MAX_FRACTION = 30.0, 0.02  # between two writings; of the search's time


def write_report(study: Study, path: Path | None = None, *, running: bool = False) -> Path:
    """Write a study's report and return where it was written.

    Args:
        study: The study's folder.
        path: Where the page goes. Defaults to `report.html` in the study's folder.
        running: Whether a search is running: the open page then reloads itself.
    """
    path = path or study.directory / REPORT
    # It need not be durable: it can be written again from the study.
    write_text(path, report_page(study, running=running), durable=False)
    return path


def report_page(study: Study, *, running: bool = False) -> str:
    """Return a study's report as HTML; see `write_report`."""
    stored, records = read_study(study.directory), study.trials.records
    data, final = study.read(DATA), study.read(FINAL)
    best, source = best_record(records), "" if data is None else f"{data['data']['source']}. "
    has_ended = any(record.status != RUNNING for record in records)
    state = " The search is running: this page reloads itself." if running else ""
    again = _again(study, "report", f"search.name={study.name}")
    return render(
        "reporting/assets/report.html",
        title=f"Study {study.name}",
        subtitle=f"{source}Written {time.strftime('%Y-%m-%d %H:%M %Z')}.{state}",
        footer=f"Written by ecomcat. To write it again: {again}",
        refresh_seconds=_REFRESH_SECONDS if running else 0,
        records=records,
        statuses=Counter(record.status for record in records),
        searched=format_seconds(study.active_seconds),
        best=best,
        train_again=_again(study, "train", f"search.from_trial={study.name}/{best and best.id}"),
        stored=stored,
        data=data,
        final=final,
        has_ended=has_ended,
        **(_search_parts(stored, records, data) if has_ended else {}),
        **(_model_parts(final) if final else {}),
    )


def _again(study: Study, command: str, argument: str) -> str:
    """Return the command line of one of our commands for this study."""
    outputs = str(study.directory.parent.parent)
    others = [] if outputs == SearchCommand.outputs_dir else [f"outputs_dir={outputs}"]
    return our_command(command, argument, *others)


def _search_parts(
    stored: Mapping[str, Any], records: Sequence[TrialRecord], data: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the charts of the search and the table of its trials."""
    from ecomcat.tuning.tpe import importances

    names, space = differing_names(records), _space(stored, data)
    parts: dict[str, Any] = {"progress_charts": list(progress_charts(records, names, space))}
    if names and best_record(records) is not None:
        shares = importances(records, space, stored["identity"]["seed"])
        names = [*shares, *(name for name in names if name not in shares)]
        parts["space_charts"] = list(space_charts(records, names, space, shares))
    return {"space_charts": [], **parts, "trials": _trials(records, names)}


def _space(stored: Mapping[str, Any], data: Mapping[str, Any] | None) -> dict[str, Domain]:
    """Return the searched domains; none where the number of training texts is not known."""
    if data is None:
        return {}
    space = read_space(ModelConfig(**stored["config"]["model"]))
    return resolve_auto(space, data["data"]["split"]["train"])


def _trials(records: Sequence[TrialRecord], names: Sequence[str]) -> Table:
    ranked = sorted(records, key=lambda each: (each.status != COMPLETED, -(each.objective or 0.0)))
    head = ("trial", "status", "macro-F1", "accuracy", "epochs", "seconds", "weights")
    formats = {"macro-F1": ".4f", "accuracy": ".4f", "seconds": ".0f", "weights": ",d"}
    return Table(
        [*head, *names, "ended"],
        [
            [
                *(record.id, record.status, record.objective, record.accuracy),
                *(record.epochs, record.seconds, record.parameters or None),
                *(record.values.get(name) for name in names),
                record.ended,
            ]
            for record in ranked
        ],
        caption="All trials; a heading sorts them",
        formats={**formats, **dict.fromkeys(names, ".6g")},
        fold=15,
    )


def _model_parts(final: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sentences, tables and charts of the final model."""
    metrics = final["metrics"]
    on, shown = shown_scores(metrics)
    names = list(shown["per_class"])
    matrix, curve = shown.get("confusion_matrix"), metrics["final"].get("learning_curve")
    caption, many = "All categories, the lowest F1 first", len(names) > MAX_BARS
    listed = replace(per_class_table(caption, shown, len(names)), fold=_FOLDED_CLASSES)
    return {
        "on": on,
        "shown": shown,
        "verdict": verdict(metrics),
        "sentences": model_sentences(metrics["final"]),
        "scores": scores_table("The model beside the linear baseline", score_sets(metrics)),
        "parts": parts_table(metrics),
        "confusion": confusion_chart(names, matrix, on) if matrix else None,
        "levels": level_tables(f"{on.capitalize()} set", shown),
        "level_confusion": _level_chart(shown, on),
        "pairs": hardest_pairs(shown, 20),
        "by_category": scores_chart(shown["per_class"], _without_texts(shown, on)),
        "listed": listed if many else None,
        "calibration": calibration_chart(final["calibration"]),
        "learning": curve and learning_chart(curve, f"the LSTM (trial {curve['trial']})"),
        "coverage": coverage_chart(final["coverage"], shown["coverage"]),
        "accepted": coverage_table(f"{on.capitalize()} set, accepted automatically", shown),
    }


def _without_texts(shown: Mapping[str, Any], on: str) -> str:
    """Name the categories that have no text in the set."""
    without = [name for name, score in shown["per_class"].items() if score["rows"] == 0]
    absent = shown.get("absent_classes", ())
    notes = {
        f"Without a text in the {on} set, so with an F1 of 0": without,
        f"Neither with a text in the {on} set nor predicted, so left out": absent,
    }
    return " ".join(f"{title}: {name_five(found)}." for title, found in notes.items() if found)


def _level_chart(shown: Mapping[str, Any], on: str) -> Chart | None:
    """Return the confusion matrix of the level of a taxonomy that can be read."""
    readable = (shown.get("taxonomy") or {}).get("readable")
    if not readable:
        return None
    chart = confusion_chart(list(readable["per_class"]), readable["confusion_matrix"], on)
    return replace(chart, title=f"{chart.title} of level {readable['level']}")


class ReportListener(SearchListener):
    """Write a study's report when a trial has ended, unless it was written a moment ago."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._next = 0.0

    def trial_ends(self, record: TrialRecord) -> None:
        """Write the report, if it is time."""
        began = time.monotonic()
        if began < self._next:
            return
        with _at_most_a_warning():
            write_report(self._study, running=True)
        ended = time.monotonic()
        self._next = ended + max(_MIN_SECONDS, (ended - began) / _MAX_FRACTION)

    def close(self) -> None:
        """Write the report a last time: the search has ended."""
        with _at_most_a_warning():
            write_report(self._study)


def report_final(study: Study, model_dir: Path, describe: Callable[[], Mapping[str, Any]]) -> None:
    """Write the report once the model is exported; if that fails, the run continues.

    Args:
        study: The study's folder.
        model_dir: The folder of the model.
        describe: Function that returns what the report shows of the final model.
    """
    with (
        _at_most_a_warning(),
        log_if_stopped(f"The model is in {model_dir}; its report is not written."),
        step("Writing the report"),
    ):
        study.write(FINAL, describe())
        write_report(study)


@contextmanager
def _at_most_a_warning() -> Iterator[None]:
    """Warn if there is no report, with the traceback if the fault is our own."""
    try:
        yield
    except Exception as error:
        logger.warning("No report: %s", error, exc_info=not isinstance(error, UserError))
