"""An audit from the file to the folder that it leaves."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ecomcat.auditing.balance import balance
from ecomcat.auditing.contents import contents
from ecomcat.auditing.drift import drift
from ecomcat.auditing.features import weigh_words
from ecomcat.auditing.findings import findings
from ecomcat.auditing.languages import languages
from ecomcat.auditing.leakage import KINDS, leakage
from ecomcat.auditing.page import audit_page
from ecomcat.auditing.printed import print_audit
from ecomcat.auditing.repeats import repeats
from ecomcat.auditing.rows import AuditRows, audit_rows
from ecomcat.auditing.similar import similar_texts
from ecomcat.auditing.suspects import suspects
from ecomcat.auditing.suspicion import Suspicion, suspect_labels
from ecomcat.auditing.written import (
    NEAR,
    SUSPICIOUS,
    check_marks,
    write_near_duplicates,
    write_suspicious,
)
from ecomcat.config import AuditCommand, DataConfig
from ecomcat.data.near_duplicates import NearDuplicates, find_near_duplicates
from ecomcat.data.source import LabelledRows, load_labelled_rows
from ecomcat.errors import UserError
from ecomcat.files import require_writable, write_json, write_text
from ecomcat.pages.document import render
from ecomcat.reporting.endings import our_command, say_what_next
from ecomcat.reporting.steps import step

logger = logging.getLogger("ecomcat")

# What the same rows cannot be read or split without, where it is not the default.
_READING_KEYS = (
    *("member", "encoding", "delimiter", "header", "rare_classes", "min_class_rows"),
    *("sample_rows", "sample_label_noise", "sample_seed"),
)


@dataclass(frozen=True)
class _Audit:
    """What an audit found: the rows, what of them is written row by row, and all figures."""

    rows: AuditRows
    near: NearDuplicates
    suspicion: Suspicion | None
    figures: dict[str, Any]


def run_audit(config: AuditCommand) -> None:
    """Audit a file and leave a page, figures and CSVs in a folder.

    Raises:
        UserError: when the data cannot be had or read, or the folder cannot be written.
    """
    source = load_labelled_rows(config.data)
    others = None
    if config.against is not None:
        second = replace(config.data, source="csv", path=config.against, member=None)
        others = load_labelled_rows(second)
    directory = Path(config.output_dir).expanduser() / _folder(source.name)
    require_writable(directory / "audit.html", "output_dir")
    check_marks(directory)
    found = _look(config, source, others)
    figures = found.figures
    marked = {
        SUSPICIOUS: write_suspicious(
            directory / SUSPICIOUS, found.rows, found.suspicion, config.suspicious_rows
        ),
        NEAR: write_near_duplicates(directory / NEAR, found.rows, found.near),
    }
    figures["marked"] = marked
    figures["findings"] = findings(figures)
    with_marks = NEAR if marked[NEAR] and not marked[SUSPICIOUS] else SUSPICIOUS
    figures["next"] = _next_command(config, directory / with_marks)
    write_json(directory / "audit.json", figures)
    write_text(directory / "audit.html", render(audit_page(figures)))
    print_audit(figures)
    for name, count in marked.items():
        if count:
            logger.info("Kept: %d marks in %s.", count, directory / name)
    logger.info("Page: %s (all figures: audit.json beside it)", directory / "audit.html")
    logger.info(
        "Suspicious labels: %s (mark rows with x in the column exclude)", directory / SUSPICIOUS
    )
    say_what_next({figures["next"]: "search without the rows that you marked"})


def _folder(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip("_.-") or "data"


def _look(config: AuditCommand, source: LabelledRows, others: LabelledRows | None) -> _Audit:
    """Take all steps, and say which one is under way."""
    data = config.data
    with step("Comparing texts letter by letter"):
        rows = audit_rows(source.rows)
    if not rows.texts:
        raise UserError(
            f"Expected rows with a text and a label in {source.source}, found "
            f"{rows.report.rows_read} rows without. Check data.text_column and data.label_column."
        )
    similarity = data.near_duplicate_similarity
    with step("Looking for near-duplicates", total=len(rows.texts)) as advance:
        near = find_near_duplicates(rows.texts, similarity, advance)
    figures: dict[str, Any] = {
        "source": source.source,
        "name": source.name,
        "repeats": repeats(rows),
        "near_duplicates": similar_texts(rows, near, similarity),
        "balance": balance(rows, data.min_class_rows),
    }
    with step("Looking at lengths and leftovers"):
        figures["contents"] = contents(rows)
    with step("Looking at languages"):
        figures["languages"] = languages(rows.texts, config.seed)
    with step("Counting words and pairs of words"):
        features = weigh_words(rows.texts, len(rows.classes))
    seeds = range(config.seed, config.seed + config.splits)
    with step("Training on leaking and clean splits", total=len(KINDS) * len(seeds)) as advance:
        figures["leakage"] = leakage(
            rows,
            features,
            near.groups,
            (data.validation_fraction, data.test_fraction),
            seeds,
            advance,
        )
    usable = rows.usable
    with step("Looking for suspicious labels"):
        suspicion = suspect_labels(
            features[usable],
            rows.labels[usable],
            near.groups[usable],
            len(rows.classes),
            config.seed,
        )
    figures["suspicious"] = suspects(rows, suspicion)
    if others is not None:
        with step("Comparing the two files"):
            second = audit_rows(others.rows)
            figures["drift"] = {
                "source": others.source,
                **drift(rows, second, similarity, config.seed),
            }
    return _Audit(rows, near, suspicion, figures)


def _listed(column: str | int) -> str:
    """Write a column's name in a list; one with a comma needs quotes of its own."""
    quote = "'" if '"' in str(column) else '"'
    return f"{quote}{column}{quote}" if "," in str(column) else str(column)


def _next_command(config: AuditCommand, marks: Path) -> str:
    """Return what to type when rows are marked in a file, with the data as it was named."""
    data = config.data
    named = [f"data={data.name}" if data.name != "auto" else ""]
    if data.path:
        named = ["data=csv", f"data.path={data.path}"]
    columns = {"text_column": data.text_column, "label_column": data.label_column}
    for key, value in columns.items():
        if value is not None:
            shown = (
                f"[{','.join(map(_listed, value))}]" if isinstance(value, list | tuple) else value
            )
            named.append(f"data.{key}={shown}")
    plain = DataConfig()
    for key in _READING_KEYS:
        if (value := getattr(data, key)) != getattr(plain, key):
            named.append(f"data.{key}={str(value).lower() if isinstance(value, bool) else value}")
    given = [*filter(None, named), f"data.exclude={marks}"]
    return our_command("search", *given)
