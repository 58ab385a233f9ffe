"""Put a study's report together and write it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ecomcat.files import write_text
from ecomcat.pages.document import Document, render
from ecomcat.pages.parts import Code, Drawing, Facts, MarkedText, Paragraph, Part, Section
from ecomcat.reporting.durations import format_seconds
from ecomcat.study_report.contents import StudyContents, read_contents
from ecomcat.study_report.data_section import data_parts
from ecomcat.study_report.layers_drawing import draw_layers
from ecomcat.study_report.progress_charts import progress_parts
from ecomcat.study_report.score_charts import score_parts
from ecomcat.study_report.space_charts import space_parts
from ecomcat.tuning.study.records import COMPLETED, FAILED, PRUNED, RUNNING
from ecomcat.tuning.study.study import Study

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
