"""The report of a study, `report.html`: written while it is searched, and at its end."""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ecomcat.commands import SearchCommand
from ecomcat.config import ModelConfig
from ecomcat.console import format_seconds, our_command
from ecomcat.errors import UserError
from ecomcat.files import write_text
from ecomcat.model.space import Domain, read_space, resolve_auto
from ecomcat.reporting.html import (
    Code,
    Document,
    Facts,
    Grid,
    Paragraph,
    Part,
    Section,
    Table,
    render,
)
from ecomcat.reporting.page_sections import data_parts, mistake_parts, model_parts
from ecomcat.reporting.search_charts import progress_charts, space_charts
from ecomcat.reporting.terminal import plain_value
from ecomcat.tuning.records import (
    COMPLETED,
    RUNNING,
    SearchListener,
    TrialRecord,
    best_record,
    load_records,
)
from ecomcat.tuning.study import DATA, FINAL, Study, active_seconds, read_facts, read_study

logger = logging.getLogger("ecomcat")

REPORT = "report.html"
_REFRESH_SECONDS = 60
_MIN_SECONDS, _MAX_FRACTION = 30.0, 0.02  # between two writings; of the search's time


@dataclass(frozen=True)
class StudyContents:
    """A study as it stands.

    Args:
        study: The study's folder.
        stored: What `study.json` holds: `identity` and `config`.
        records: Records of its trials, in the order of their numbers.
        data: What is known of its data.
        final: What is known of its final model; None before there is one.
    """

    study: Study
    stored: Mapping[str, Any]
    records: Sequence[TrialRecord]
    data: Mapping[str, Any] | None
    final: Mapping[str, Any] | None

    def our_command(self, command: str, argument: str) -> str:
        """Return how one of our commands is typed that is about this study."""
        outputs = str(self.study.directory.parent.parent)
        others = [] if outputs == SearchCommand.outputs_dir else [f"outputs_dir={outputs}"]
        return our_command(command, argument, *others)

    @cached_property
    def searched(self) -> list[str]:
        """Names of the hyperparameters in which trials differ."""
        values = [record.values for record in self.records]
        names = values[0] if values else ()
        return [name for name in names if len({repr(each.get(name)) for each in values}) > 1]

    @cached_property
    def space(self) -> dict[str, Domain]:
        """The domains that were searched; empty where the number of training texts is not known."""
        if self.data is None:
            return {}
        space = read_space(ModelConfig(**self.stored["config"]["model"]))
        return resolve_auto(space, self.data["data"]["split"]["train"])


def write_report(study: Study, path: Path | None = None, *, running: bool = False) -> Path:
    """Write a study's report.

    Args:
        study: The study's folder.
        path: Where the page goes. Defaults to `report.html` in the study's folder.
        running: Whether a search is under way: the open page then loads itself anew. Defaults to
            no.

    Returns:
        Where it was written.

    Raises:
        UserError: When the study cannot be read or the page cannot be written.
    """
    path = path or study.directory / REPORT
    # Nothing is lost with it: it can be written again from the study.
    write_text(path, report_page(study, running=running), durable=False)
    return path


def report_page(study: Study, *, running: bool = False) -> str:
    """Return a study's report as HTML; see `write_report`."""
    contents = StudyContents(
        study,
        read_study(study.directory),
        load_records(study),
        read_facts(study, DATA),
        read_facts(study, FINAL),
    )
    source = "" if contents.data is None else f"{contents.data['data']['source']}. "
    state = "The search went on: this page loads itself anew." if running else ""
    now = time.strftime("%Y-%m-%d %H:%M %Z")
    again = contents.our_command("report", f"search.name={study.name}")
    document = Document(
        f"Study {study.name}",
        f"{source}Written {now}. {state}".strip(),
        list(_sections(contents)),
        footer=f"Written by ecomcat. Again: {again}",
        refresh_seconds=_REFRESH_SECONDS if running else 0,
    )
    return render(document)


def _sections(contents: StudyContents) -> Iterator[Section]:
    final = contents.final
    yield Section("Overview", [_overview(contents)])
    if final is not None:
        yield Section("The final model", list(model_parts(final, len(contents.records))))
        yield Section("Most confident mistakes", list(mistake_parts(final["mistakes"])))
    if any(record.status != RUNNING for record in contents.records):
        yield Section("How the search went", list(_search(contents)))
        yield Section("What mattered", list(_what_mattered(contents)))
    if contents.data is not None:
        yield Section("The data", list(data_parts(contents.data)))
    yield Section("To reproduce it", list(_reproduction(contents)))


def _overview(contents: StudyContents) -> Part:
    best = best_record(contents.records)
    facts = {"trials": f"{len(contents.records):,}"}
    counts = Counter(record.status for record in contents.records)
    facts |= {status: f"{count:,}" for status, count in counts.items()}
    facts["searched for"] = format_seconds(active_seconds(contents.study))
    if best is not None:
        facts["best validation macro-F1"] = f"{best.objective:.4f} (trial {best.id})"
    if contents.final is not None:
        facts["test macro-F1"] = f"{contents.final['metrics']['test']['macro_f1']:.4f}"
    return Facts(facts)


def _search(contents: StudyContents) -> Iterator[Part]:
    yield Grid(list(progress_charts(contents.records, contents.searched, contents.space)))


def _what_mattered(contents: StudyContents) -> Iterator[Part]:
    records, names = contents.records, contents.searched
    if best_record(records) is None:
        yield Paragraph("No trial has reached a score so far.", note=True)
    elif not names:
        yield Paragraph("The trials so far do not differ: there is nothing to compare.", note=True)
    else:
        shares = _importances(contents)
        names = [*shares, *(name for name in names if name not in shares)]
        yield from space_charts(records, names, contents.space, shares)
    yield _trials(records, names)


def _importances(contents: StudyContents) -> Mapping[str, float]:
    """Return fractions by name, none where there are too few trials."""
    from ecomcat.tuning.tpe import importances

    return importances(contents.records, contents.space, contents.stored["identity"]["seed"])


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
                *(_cell(record.values.get(name)) for name in names),
                record.ended,
            ]
            for record in ranked
        ],
        caption="All trials; a heading sorts them.",
        formats={**formats, **dict.fromkeys(names, ".6g")},
        fold=15,
    )


def _cell(value: Any) -> Any:
    return value if type(value) in {int, float} else plain_value(value)


def _reproduction(contents: StudyContents) -> Iterator[Part]:
    best = best_record(contents.records)
    if best is not None:
        yield Paragraph("Train the best trial again, alone:")
        trial = f"search.from_trial={contents.study.name}/{best.id}"
        yield Code(contents.our_command("train", trial))
    versions = (contents.data or {}).get("versions", {})
    if versions:
        yield Paragraph(", ".join(f"{name} {version}" for name, version in versions.items()))
    for title, key in (
        ("Configuration of the run that began the study", "config"),
        ("What a resumed run must agree with", "identity"),
    ):
        yield Code(json.dumps(contents.stored[key], indent=2, ensure_ascii=False), summary=title)


class ReportListener(SearchListener):
    """Write the report when a trial has ended, unless it was written a moment ago.

    Args:
        study: The study's folder.
        clock: Function that returns seconds. Defaults to `time.monotonic`.
    """

    def __init__(self, study: Study, clock: Callable[[], float] = time.monotonic) -> None:
        self._study = study
        self._clock = clock
        self._next = 0.0

    def trial_ends(self, record: TrialRecord) -> None:
        """Write the report, if it is time."""
        began = self._clock()
        if began < self._next:
            return
        self._write(running=True)
        ended = self._clock()
        self._next = ended + max(_MIN_SECONDS, (ended - began) / _MAX_FRACTION)

    def close(self) -> None:
        """Write the report a last time: the search goes on no longer."""
        self._write(running=False)

    def _write(self, *, running: bool) -> None:
        try:
            write_report(self._study, running=running)
        except Exception as error:
            # The search is worth more than its report.
            warn_of_no_report(error)


def warn_of_no_report(error: Exception) -> None:
    """Warn that there is no report, with the traceback where the fault is our own."""
    logger.warning("No report: %s", error, exc_info=not isinstance(error, UserError))
