"""The report of a study, `report.html`: written while it is searched, and at its end."""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ecomcat.commands import SearchCommand
from ecomcat.config import ModelConfig
from ecomcat.console import format_seconds, log_if_stopped, our_command, step
from ecomcat.errors import UserError
from ecomcat.export.summary import Table
from ecomcat.files import write_text
from ecomcat.model.space import Domain, read_space, resolve_auto
from ecomcat.reporting.html import Code, Part, render
from ecomcat.reporting.page_sections import data_parts, mistake_parts, model_parts
from ecomcat.reporting.search_charts import progress_charts, space_charts
from ecomcat.reporting.terminal import differing_names
from ecomcat.tuning.records import (
    COMPLETED,
    RUNNING,
    SearchListener,
    TrialRecord,
    best_record,
    load_records,
)
from ecomcat.tuning.study import (
    DATA,
    FINAL,
    Study,
    active_seconds,
    read_snapshot,
    read_study,
    write_snapshot,
)

logger = logging.getLogger("ecomcat")

REPORT = "report.html"
_REFRESH_SECONDS = 60
_MIN_SECONDS, _MAX_FRACTION = 30.0, 0.02  # between two writings; of the search's time


def write_report(study: Study, path: Path | None = None, *, running: bool = False) -> Path:
    """Write a study's report and return where it was written.

    Args:
        study: The study's folder.
        path: Where the page goes. Defaults to `report.html` in the study's folder.
        running: Whether a search is under way: the open page then loads itself anew.
    """
    path = path or study.directory / REPORT
    # Nothing is lost with it: it can be written again from the study.
    write_text(path, report_page(study, running=running), durable=False)
    return path


def report_page(study: Study, *, running: bool = False) -> str:
    """Return a study's report as HTML; see `write_report`."""
    stored, records = read_study(study.directory), load_records(study)
    data, final = read_snapshot(study, DATA), read_snapshot(study, FINAL)
    parts: dict[str, Iterable[Part]] = {"Overview": [_overview(study, records, final)]}
    if final is not None:
        parts["The final model"] = model_parts(final, len(records))
        parts["Most confident mistakes"] = mistake_parts(final["mistakes"])
    if any(record.status != RUNNING for record in records):
        names, space = differing_names(records), _space(stored, data)
        parts["How the search went"] = [list(progress_charts(records, names, space))]
        seed = stored["identity"]["seed"]
        parts["What mattered"] = _what_mattered(records, names, space, seed)
    if data is not None:
        parts["The data"] = data_parts(data)
    parts["To reproduce it"] = _reproduction(study, stored, best_record(records), data or {})
    again = _our_command(study, "report", f"search.name={study.name}")
    source = "" if data is None else f"{data['data']['source']}. "
    state = " The search went on: this page loads itself anew." if running else ""
    return render(
        f"Study {study.name}",
        f"{source}Written {time.strftime('%Y-%m-%d %H:%M %Z')}.{state}",
        {title: list(each) for title, each in parts.items()},
        footer=f"Written by ecomcat. Again: {again}",
        refresh_seconds=_REFRESH_SECONDS if running else 0,
    )


def _our_command(study: Study, command: str, argument: str) -> str:
    """Return how one of our commands is typed that is about this study."""
    outputs = str(study.directory.parent.parent)
    others = [] if outputs == SearchCommand.outputs_dir else [f"outputs_dir={outputs}"]
    return our_command(command, argument, *others)


def _space(stored: Mapping[str, Any], data: Mapping[str, Any] | None) -> dict[str, Domain]:
    """Return the searched domains; none where the number of training texts is not known."""
    if data is None:
        return {}
    space = read_space(ModelConfig(**stored["config"]["model"]))
    return resolve_auto(space, data["data"]["split"]["train"])


def _overview(
    study: Study, records: Sequence[TrialRecord], final: Mapping[str, Any] | None
) -> Part:
    counts = Counter(record.status for record in records)
    shown = {"trials": f"{len(records):,}", **{name: f"{n:,}" for name, n in counts.items()}}
    shown["searched for"] = format_seconds(active_seconds(study))
    best = best_record(records)
    if best is not None:
        shown["best validation macro-F1"] = f"{best.objective:.4f} (trial {best.id})"
    if final is not None:
        shown["test macro-F1"] = f"{final['metrics']['test']['macro_f1']:.4f}"
    return shown


def _what_mattered(
    records: Sequence[TrialRecord], names: Sequence[str], space: Mapping[str, Domain], seed: int
) -> Iterator[Part]:
    from ecomcat.tuning.tpe import importances

    if best_record(records) is None:
        yield "No trial has reached a score so far."
    elif not names:
        yield "The trials so far do not differ: there is nothing to compare."
    else:
        shares = importances(records, space, seed)
        names = [*shares, *(name for name in names if name not in shares)]
        yield from space_charts(records, names, space, shares)
    yield _trials(records, names)


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


def _reproduction(
    study: Study, stored: Mapping[str, Any], best: TrialRecord | None, data: Mapping[str, Any]
) -> Iterator[Part]:
    if best is not None:
        yield "Train the best trial again, alone:"
        yield Code(_our_command(study, "train", f"search.from_trial={study.name}/{best.id}"))
    if versions := data.get("versions"):
        yield ", ".join(f"{name} {version}" for name, version in versions.items())
    for title, key in (
        ("Configuration of the run that began the study", "config"),
        ("What a resumed run must agree with", "identity"),
    ):
        yield Code(json.dumps(stored[key], indent=2, ensure_ascii=False), summary=title)


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
        """Write the report a last time: the search goes on no longer."""
        with _at_most_a_warning():
            write_report(self._study)


def report_final(study: Study, model_dir: Path, describe: Callable[[], Mapping[str, Any]]) -> None:
    """Write the report once the model is exported; where that fails, the run goes on all the same.

    Args:
        study: The study's folder.
        model_dir: The folder of the model.
        describe: Function that returns what the report says of the final model.
    """
    with (
        _at_most_a_warning(),
        log_if_stopped(f"The model is in {model_dir}; its report is not written."),
        step("Writing the report"),
    ):
        write_snapshot(study, FINAL, describe())
        write_report(study)


@contextmanager
def _at_most_a_warning() -> Iterator[None]:
    """Warn where there is no report, with the traceback where the fault is our own."""
    try:
        yield
    except Exception as error:
        logger.warning("No report: %s", error, exc_info=not isinstance(error, UserError))
