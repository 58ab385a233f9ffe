"""Write the report while a search goes on."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from ecomcat.console import format_seconds
from ecomcat.errors import UserError
from ecomcat.files import write_text
from ecomcat.reporting.charts import (
    StudyContents,
    progress_parts,
    read_contents,
    score_parts,
    space_parts,
)
from ecomcat.reporting.html import (
    OURS,
    Chart,
    Code,
    Document,
    Drawing,
    Facts,
    Grid,
    MarkedText,
    Paragraph,
    Part,
    Section,
    Table,
    figure,
    plotly_text,
    render,
    unique_labels,
)
from ecomcat.reporting.layers_drawing import draw_layers
from ecomcat.tuning.records import COMPLETED, FAILED, PRUNED, RUNNING, TrialRecord
from ecomcat.tuning.study import Study

logger = logging.getLogger("ecomcat")

_MOST_BARS, _ROW_HEIGHT = 40, 24  # categories; pixels
_CLEANED = {
    "empty_texts": "rows without a text",
    "empty_labels": "rows without a label",
    "duplicates_removed": "repeats of another row",
    "conflicting_texts": "texts under several labels",
    "conflicting_texts_dropped": "of these without a majority, dropped",
}

_GROUPED = {
    "near_duplicate_groups": "groups of near-duplicates, kept on one side of the split",
    "near_duplicate_texts": "texts in these groups",
}
_EXCLUDED = {
    "train": "texts that data.exclude keeps out of train",
    "validation": "texts that data.exclude keeps out of validation",
    "test": "texts that data.exclude marks in test, which keeps them",
    "unknown": "marks of data.exclude for texts that are not there",
}


def data_parts(facts: Mapping[str, Any]) -> Iterator[Part]:
    """Yield what is known of the data.

    Args:
        facts: as the pipeline writes them, with `data` and `lengths`.
    """
    data, lengths = facts["data"], facts["lengths"]
    split = data["split"]
    yield Facts(
        {
            "rows": f"{data['rows']:,}",
            "distinct texts": f"{data['distinct_texts']:,}",
            **{part: f"{split[part]:,}" for part in ("train", "validation", "test")},
            "categories": f"{len(data['classes']):,}",
        }
    )
    licence = f" Licence: {data['licence']}." if data.get("licence") else ""
    protocol = split["protocol"]
    yield Paragraph(f"{data['source']}. {protocol[:1].upper()}{protocol[1:]}.{licence}")
    yield _cleaned(data)
    yield Grid([_balance(data["classes"]), _lengths(lengths)])


def _cleaned(data: Mapping[str, Any]) -> Table:
    split, excluded = data["split"], data.get("excluded", {})
    return Table(
        ["removed or found", "count"],
        [
            *([title, data[key]] for key, title in _CLEANED.items()),
            *([f"rare category: {name}", n] for name, n in data["rare_classes_dropped"].items()),
            *([title, split[key]] for key, title in _GROUPED.items() if key in split),
            *([title, excluded[key]] for key, title in _EXCLUDED.items() if key in excluded),
        ],
        caption="What cleaning removed or found.",
        fold=10,
    )


def _balance(classes: Mapping[str, int]) -> Chart:
    from plotly.graph_objects import Bar

    ranked = sorted(classes.items(), key=lambda item: -item[1])
    shown = ranked[:_MOST_BARS][::-1]
    chart = figure(x="distinct texts", showlegend=False)
    chart.add_trace(
        Bar(
            x=[count for _, count in shown],
            y=unique_labels([name for name, _ in shown]),
            orientation="h",
            marker={"color": OURS},
            customdata=[plotly_text(name, most=200) for name, _ in shown],
            hovertemplate="%{customdata}: %{x:,} texts<extra></extra>",
        )
    )
    chart.update_yaxes(type="category")
    more = len(ranked) - len(shown)
    rarest = ranked[-1]
    return Chart(
        "Categories, the largest first",
        chart,
        caption=f"And {more} more; the smallest, {rarest[0]}, has {rarest[1]}." if more else "",
        height=max(300, 110 + _ROW_HEIGHT * len(shown)),
    )


def _lengths(lengths: Mapping[str, Any]) -> Chart:
    from plotly.graph_objects import Bar

    characters = lengths["characters"]
    edges, counts = characters["edges"], characters["counts"]
    chart = figure(x="characters", y="texts", showlegend=False, bargap=0)
    chart.add_trace(
        Bar(
            # Plotly takes half of the width to either side before it takes logarithms.
            x=[(low + high) / 2 for low, high in pairwise(edges)],
            width=[high - low for low, high in pairwise(edges)],
            y=counts,
            marker={"color": OURS},
            customdata=[[low, high - 1] for low, high in pairwise(edges)],
            hovertemplate="%{customdata[0]:,} to %{customdata[1]:,} characters: %{y:,} texts"
            "<extra></extra>",
        )
    )
    chart.update_xaxes(type="log")
    quantiles = characters["quantiles"]
    return Chart(
        "Lengths",
        chart,
        caption=f"Half of the texts have {quantiles['0.5']:,} characters or fewer, 95% "
        f"{quantiles['0.95']:,} or fewer, the longest {characters['longest']:,}; on average "
        f"{lengths['mean_tokens']:.0f} tokens are read. {lengths['cut']:.1%} of the texts have "
        f"{lengths['max_tokens']:,} tokens or more, and are cut there.",
    )


REPORT = "report.html"
_REFRESH_SECONDS = 60


def write_report(study: Study, path: Path | None = None, *, running: bool = False) -> Path:
    """Write a study's report.

    Args:
        study: the folder.
        path: where the page goes; by default into the study's folder.
        running: whether a search is under way: the open page then loads itself anew.

    Returns:
        Where it was written.

    Raises:
        UserError: when the study cannot be read or the page cannot be written.
    """
    path = path or study.directory / REPORT
    # Nothing is lost with it: it can be written again from the study.
    write_text(path, report_page(study, running=running), durable=False)
    return path


def report_page(study: Study, *, running: bool = False) -> str:
    """Return a study's report as HTML.

    Args:
        study: the folder.
        running: whether a search is under way.

    Raises:
        UserError: when the study cannot be read.
    """
    return render(_document(read_contents(study), running=running))


def _document(contents: StudyContents, *, running: bool) -> Document:
    now = time.strftime("%Y-%m-%d %H:%M %Z")
    source = "" if contents.data is None else f"{contents.data['data']['source']}. "
    state = "The search went on: this page loads itself anew." if running else ""
    again = contents.our_command("report", f"search.name={contents.name}")
    return Document(
        f"Study {contents.name}",
        f"{source}Written {now}. {state}".strip(),
        list(_sections(contents)),
        footer=f"Written by ecomcat. Again: {again}",
        refresh_seconds=_REFRESH_SECONDS if running else 0,
    )


def _sections(contents: StudyContents) -> Iterator[Section]:
    final = contents.final
    yield Section("Overview", [_overview(contents)])
    if final is not None:
        yield Section("The final model", [*_age(contents, final), *score_parts(final)])
        yield Section("Most confident mistakes", list(_mistakes(final["mistakes"])))
    if contents.ended:
        yield Section("How the search went", list(progress_parts(contents)))
        yield Section("What mattered", list(space_parts(contents)))
    if final is not None:
        yield Section("The network", list(_networks(final["networks"])))
    if contents.data is not None:
        yield Section("The data", list(data_parts(contents.data)))
    yield Section("To reproduce it", list(_reproduction(contents)))


def _overview(contents: StudyContents) -> Part:
    counts = {
        status: sum(record.status == status for record in contents.records)
        for status in (COMPLETED, PRUNED, FAILED, RUNNING)
    }
    best = contents.ranked[0] if contents.ranked else None
    facts = {"trials": f"{len(contents.records):,}"}
    facts |= {status: f"{count:,}" for status, count in counts.items() if count}
    facts["searched for"] = format_seconds(contents.seconds)
    if best is not None:
        facts["best validation macro-F1"] = f"{best.objective:.4f} (trial {best.id})"
    if contents.final is not None:
        facts["test macro-F1"] = f"{contents.final['metrics']['test']['macro_f1']:.4f}"
    return Facts(facts)


def _age(contents: StudyContents, final: Mapping[str, Any]) -> Iterator[Part]:
    exported, trials = final["metrics"]["final"], final["metrics"]["search"]["trials"]
    trained = "train + validation" if exported["retrained"] else "train alone"
    yield Paragraph(
        f"final={exported['name']}, trained on {trained}, in {final['model_dir']}. The test set "
        "was scored once, after every choice."
    )
    if exported["use_all_rows"]:
        yield Paragraph(
            "What was exported was trained once more, on test rows as well "
            "(final.use_all_rows); everything here is of the model before."
        )
    if len(contents.records) > trials:
        yield Paragraph(f"It was made after {trials} trials; the study has gone on since.")


def _mistakes(mistakes: Sequence[Mapping[str, Any]]) -> Iterator[Part]:
    if not mistakes:
        yield Paragraph("There was no mistake on the test set.")
        return
    yield Paragraph(
        f"The {len(mistakes)} wrong answers on test that were surest of themselves. Some are the "
        "model's faults, some those of the labels. Words in blue spoke for the answer, those in "
        "orange against it: how far its probability falls without the word."
    )
    for mistake in mistakes:
        left = mistake["characters"] - len(mistake["text"])
        notes = [f"{left:,} more characters"] if left else []
        notes += ["too long to weigh its words"] if mistake["spans"] is None else []
        yield MarkedText(
            f"{_isolated(mistake['predicted'])} ({mistake['confidence']:.1%}), labelled "
            f"{_isolated(mistake['true'])} ({mistake['true_probability']:.1%})",
            mistake["text"],
            [tuple(span) for span in mistake["spans"] or ()],
            note=", ".join(notes),
        )


def _isolated(name: str) -> str:
    """Return a name that leaves the order of what follows alone, whichever way it is written.

    https://www.unicode.org/reports/tr9/#Explicit_Directional_Isolates
    """
    return f"\N{FIRST STRONG ISOLATE}{name}\N{POP DIRECTIONAL ISOLATE}"


def _networks(networks: Sequence[Mapping[str, Any]]) -> Iterator[Part]:
    for number, network in enumerate(networks):
        title = f"Inside {network['name']}" if number else "The whole"
        yield Drawing(title, draw_layers(network))


def _reproduction(contents: StudyContents) -> Iterator[Part]:
    import json

    if contents.ranked:
        yield Paragraph("Train the best trial again, alone:")
        trial = f"{contents.name}/{contents.ranked[0].id}"
        yield Code(contents.our_command("train", f"search.from_trial={trial}"))
    versions = (contents.data or {}).get("versions", {})
    if versions:
        yield Paragraph(", ".join(f"{name} {version}" for name, version in versions.items()))
    for title, content in (
        ("Configuration of the run that began the study", contents.config),
        ("What a resumed run must agree with", contents.identity),
    ):
        text = json.dumps(content, indent=2, ensure_ascii=False)
        yield Code(text, summary=title)


_LEAST_SECONDS = 30.0  # between two writings
_MOST_SHARE = 0.02  # of the search's time, which workers would wait for


class ReportListener:
    """Write the report when a trial has ended, unless it was written a moment ago.

    Args:
        study: the folder.
        clock: returns seconds.
    """

    def __init__(self, study: Study, clock: Callable[[], float] = time.monotonic) -> None:
        self._study = study
        self._clock = clock
        self._next = 0.0

    def trial_begins(self, record: TrialRecord, epochs: int) -> None:
        """Do nothing: what runs is not shown."""

    def epoch_ends(self, record: TrialRecord, epoch: int, logs: Mapping[str, float]) -> None:
        """Do nothing: what runs is not shown."""

    def trial_retries(self, record: TrialRecord, reason: str) -> None:
        """Do nothing: what runs is not shown."""

    def trial_ends(self, record: TrialRecord) -> None:
        """Write the report, if it is time."""
        began = self._clock()
        if began < self._next:
            return
        self._write(running=True)
        ended = self._clock()
        self._next = ended + max(_LEAST_SECONDS, (ended - began) / _MOST_SHARE)

    def close(self) -> None:
        """Write the report a last time: the search goes on no longer."""
        self._write(running=False)

    def _write(self, *, running: bool) -> None:
        try:
            write_report(self._study, running=running)
        except Exception as error:
            # The search is worth more than its report.
            say_no_report(error)


def say_no_report(error: Exception) -> None:
    """Warn that there is no report, with the traceback where the fault is our own."""
    logger.warning("No report: %s", error, exc_info=not isinstance(error, UserError))
