"""An audit from the rows to its figures, and to the folder and the tables that it leaves."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecomcat.auditing.drift import drift
from ecomcat.auditing.findings import findings
from ecomcat.auditing.labels import describe_suspects, suspect_labels, weigh_words
from ecomcat.auditing.marks import (
    NEAR,
    SUSPICIOUS,
    check_marks,
    near_duplicates_table,
    suspicious_table,
    write_with_marks,
)
from ecomcat.auditing.page import audit_page, splits_table, suspects_table
from ecomcat.auditing.rows import balance, read_rows, repeats
from ecomcat.auditing.splits import KINDS, compare_splits
from ecomcat.auditing.texts import contents, languages, similar_texts
from ecomcat.commands import AuditCommand
from ecomcat.config import DataConfig
from ecomcat.console import log_next, our_command, step
from ecomcat.data.dataset import refuse_split_keys
from ecomcat.data.formats import path_problems
from ecomcat.data.near_duplicates import find_near_duplicates
from ecomcat.data.sources import FileSource, LabelledRows, load_labelled_rows
from ecomcat.errors import UserError
from ecomcat.export.summary import Table
from ecomcat.files import expanded, require_writable, write_json, write_text
from ecomcat.options import validate
from ecomcat.process import require_extra
from ecomcat.reporting.terminal import print_tables

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger("ecomcat")

_PACKAGES = ("sklearn", "datasketch", "py3langid", "plotly", "jinja2")
# What the same rows cannot be read or split without, where it is not the default.
_READING_KEYS = (
    *("member", "encoding", "delimiter", "header", "rare_classes", "min_class_rows"),
    *("sample_rows", "sample_label_noise", "sample_seed", "sample_categories"),
)


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Args:
        figures: Dictionary of all figures, as `audit.json` holds them.
        suspicious: DataFrame with a row for each usable text, the most suspicious label first.
        near_duplicates: DataFrame with a row for each text that is nearly the same as another.
    """

    figures: dict[str, Any]
    suspicious: pd.DataFrame
    near_duplicates: pd.DataFrame

    @property
    def findings(self) -> list[str]:
        """What was found, in sentences."""
        return findings(self.figures)


def check_audit(config: AuditCommand) -> None:
    """Check everything of an audit that can be known before the data is read."""
    require_extra("audit", *_PACKAGES, needed_for="An audit")
    refuse_split_keys(config.data, "audit", compares=True)
    files = {"data.path": config.data.path, "against": config.against}
    validate(config, [each for key, path in files.items() for each in path_problems(key, path)])


def audit_rows(
    config: AuditCommand, source: LabelledRows, others: LabelledRows | None = None
) -> Audit:
    """Audit rows; nothing is printed but the step under way, and nothing is written.

    Args:
        config: Configuration of the audit.
        source: The rows.
        others: The rows of a second file to compare them with. Defaults to None.

    Raises:
        UserError: When there is no row with a text and a label.
    """
    data, similarity = config.data, config.data.near_duplicate_similarity
    with step("Comparing texts letter by letter"):
        rows = read_rows(source.frame)
    if not rows.texts:
        raise UserError(
            f"Expected rows with a text and a label in {source.source}, found {len(source.frame)} "
            "rows without. Check data.text_column and data.label_column."
        )
    with step("Looking for near-duplicates", total=len(rows.texts)) as advance:
        near = find_near_duplicates(rows.texts, similarity, advance)
    figures: dict[str, Any] = {
        "source": source.source,
        "name": source.name,
        "repeats": repeats(rows),
        "near_duplicates": similar_texts(rows, near, similarity),
        "balance": balance(rows, data.min_class_rows),
    }
    with step("Measuring texts"):
        figures["contents"] = contents(rows.texts)
        figures["languages"] = languages(rows.texts, config.seed)
        features = weigh_words(rows.texts, len(rows.class_names))
    fractions = data.validation_fraction, data.test_fraction
    seeds = range(config.seed, config.seed + config.splits)
    with step("Training on leaking and clean splits", total=len(KINDS) * len(seeds)) as advance:
        figures["leakage"] = compare_splits(
            rows, features, near.groups, fractions, seeds, lambda: advance(1)
        )
    with step("Looking for suspicious labels"):
        suspects = suspect_labels(rows, features, near.groups, config.seed)
    figures["suspicious"] = describe_suspects(rows, suspects)
    if others is not None:
        with step("Comparing the two files"):
            found = drift(rows, read_rows(others.frame), similarity, config.seed)
        figures["drift"] = {"source": others.source, **found}
    return Audit(figures, suspicious_table(rows, suspects), near_duplicates_table(rows, near))


def run_audit(config: AuditCommand) -> None:
    """Audit a file, leave a page, figures and CSVs in a folder, and print what was found."""
    require_writable(expanded(config.output_dir) / "data", "output_dir")
    source, others = load_labelled_rows(config.data), None
    if config.against is not None:
        others = FileSource().load(replace(config.data, path=config.against, member=None))
    directory = expanded(config.output_dir) / _folder(source.name)
    require_writable(directory / "audit.html", "output_dir")
    check_marks(directory)
    audit = audit_rows(config, source, others)
    marked = {
        SUSPICIOUS: write_with_marks(
            directory / SUSPICIOUS, audit.suspicious, config.suspicious_rows
        ),
        NEAR: write_with_marks(directory / NEAR, audit.near_duplicates),
    }
    with_marks = NEAR if marked[NEAR] and not marked[SUSPICIOUS] else SUSPICIOUS
    command = _next_command(config, directory / with_marks)
    figures = {**audit.figures, "marked": marked, "findings": audit.findings, "next": command}
    write_json(directory / "audit.json", figures)
    write_text(directory / "audit.html", audit_page(figures))
    _print_audit(figures)
    for name, marks in marked.items():
        if marks:
            logger.info("Kept: %d marks in %s.", marks, directory / name)
    logger.info("Page: %s (all figures: audit.json beside it)", directory / "audit.html")
    logger.info(
        "Suspicious labels: %s (mark rows with x in the column exclude)", directory / SUSPICIOUS
    )
    log_next({command: "search without the rows that you marked"})


def _folder(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip("_.-") or "data"


def _print_audit(figures: Mapping[str, Any]) -> None:
    """Print what was found, the figures of the splits, and the most suspicious labels."""
    found = [[sentence] for sentence in figures["findings"]]
    print_tables(Table(["found"], found, f"Audit of {figures['source']}"))
    if "splits" in figures["leakage"]:
        _print_table("A linear model on three kinds of split", splits_table(figures["leakage"]))
    if "first" in figures["suspicious"]:
        _print_table("Most suspicious labels", suspects_table(figures["suspicious"]))


def _print_table(title: str, table: Table, max_rows: int = 10) -> None:
    rows = [
        [cell[:80] if isinstance(cell, str) else cell for cell in row]
        for row in table.rows[:max_rows]
    ]
    print_tables(replace(table, rows=rows, caption=title))


def _next_command(config: AuditCommand, marks: Path) -> str:
    """Return what to type when rows are marked in a file, with the data as it was named."""
    data, plain = config.data, DataConfig()
    named = [] if data.name == "auto" else [f"data={data.name}"]
    if data.path:
        named = ["data=csv", f"data.path={data.path}"]
    for key in ("text_column", "label_column"):
        value = getattr(data, key)
        if isinstance(value, list | tuple):
            value = f"[{','.join(map(_listed, value))}]"
        if value is not None:
            named.append(f"data.{key}={value}")
    for key in _READING_KEYS:
        if (value := getattr(data, key)) != getattr(plain, key):
            named.append(f"data.{key}={str(value).lower() if isinstance(value, bool) else value}")
    return our_command("search", *named, f"data.exclude={marks}")


def _listed(column: str | int) -> str:
    """Write the name of a column in a list; one with a comma needs quotes of its own."""
    quote = "'" if '"' in str(column) else '"'
    return f"{quote}{column}{quote}" if "," in str(column) else str(column)
