"""An audit from the rows to its figures, and to the folder and the tables that it writes."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.auditing.learning_curve import PARTS, learning_curve
from ecomcat.auditing.linear import (
    KINDS,
    SUSPECT_COLUMNS,
    compare_splits,
    describe_suspects,
    suspect_labels,
    weigh_words,
)
from ecomcat.auditing.page import audit_page, findings, splits_table, suspects_table
from ecomcat.auditing.rows import balance, near_duplicates_table, read_rows, repeats, similar_texts
from ecomcat.auditing.texts import contents, drift, languages
from ecomcat.command_config import AuditCommand, keyword_overrides
from ecomcat.config import DataConfig, ReadingConfig
from ecomcat.console import log_next, our_command, step
from ecomcat.data.cleaning import clean_rows
from ecomcat.data.dataset import refuse_split_keys
from ecomcat.data.exclude import EXCLUDE, KEY, read_marks
from ecomcat.data.formats import path_problems
from ecomcat.data.near_duplicates import find_near_duplicates
from ecomcat.data.sources import LabelledRows, load_labelled_rows, load_like
from ecomcat.data.writing import write_spreadsheet
from ecomcat.errors import UserError
from ecomcat.files import atomic_path, expanded, require_writable, write_json, write_text
from ecomcat.option_fields import validate
from ecomcat.process import require_extra
from ecomcat.reporting.printed_tables import print_tables
from ecomcat.wording.table import Table

if TYPE_CHECKING:
    import pandas as pd

    from ecomcat.auditing.rows import AuditRows

logger = logging.getLogger("ecomcat")

SUSPICIOUS, NEAR = "suspicious_labels.csv", "near_duplicates.csv"
_PACKAGES = ("sklearn", "datasketch", "py3langid", "plotly", "jinja2")
# What the same rows cannot be read or split without, where it is not the default.
_READING_KEYS = (
    "path",
    *(field.name for field in fields(ReadingConfig)),
    *("label_column", "label_separator", "split_column", "group_column"),
    *("category_columns", "number_columns", "rare_classes", "min_class_rows"),
    *("sample_rows", "sample_label_noise", "sample_seed", "sample_categories", "sample_depth"),
)
_MAX_PRINTED = 10


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Args:
        figures: Dictionary of all figures, as `audit.json` holds them.
        suspicious: DataFrame with a row for each usable text, the most suspicious label first.
        near_duplicates: DataFrame with a row for each text that is nearly the same as another.

    >>> Audit({"findings": ["2 rows have no text."]}, None, None).findings
    ['2 rows have no text.']
    """

    figures: dict[str, Any]
    suspicious: pd.DataFrame
    near_duplicates: pd.DataFrame

    @property
    def findings(self) -> list[str]:
        """What was found, in sentences."""
        return list(self.figures["findings"])


def check_audit(config: AuditCommand) -> None:
    """Check everything of an audit that can be known before the data is read."""
    require_extra("audit", *_PACKAGES, needed_for="An audit")
    refuse_split_keys(config.data, "audit", compares=True)
    files = {"data.path": config.data.path, "against": config.against}
    validate(config, [each for key, path in files.items() for each in path_problems(key, path)])


def audit_rows(config: AuditCommand, source: LabelledRows) -> Audit:
    """Audit rows; only the current step is printed, and nothing is written.

    Raises:
        UserError: When there is no row with a text and a label.
    """
    against, similarity = config.against, config.data.near_duplicate_similarity
    others = None if against is None else load_like(source, replace(config.data, path=against))
    rows = _rows_with_texts(source)
    with step("Looking for near-duplicates", total=len(rows.texts)) as advance:
        near = find_near_duplicates(rows.texts, similarity, advance)
    members = near_duplicates_table(rows, near)
    shared = clean_rows(source.frame).report.shared_texts if source.given else {}
    figures: dict[str, Any] = {
        "source": source.source,
        "name": source.name,
        "repeats": {**repeats(rows), "shared_texts": shared},
        "near_duplicates": {"similarity": similarity, **similar_texts(rows, near, members)},
        "balance": balance(rows, config.data.min_class_rows),
    }
    with step("Measuring texts"):
        figures["contents"] = contents(rows.texts)
        figures["languages"] = languages(rows.texts, config.seed)
        features = weigh_words(rows.texts, len(rows.class_names))
    learnt, suspects = _learn(config, rows, features, near.groups)
    figures |= learnt
    if others is not None:
        with step("Comparing the two files"):
            found = drift(rows, read_rows(others.frame), similarity, config.seed)
        figures["drift"] = {"source": others.source, **found}
    figures["findings"] = findings(figures, rows.cleaned.warnings())
    return Audit(figures, suspects[list(SUSPECT_COLUMNS)], members)


def _rows_with_texts(source: LabelledRows) -> AuditRows:
    with step("Comparing texts letter by letter"):
        rows = read_rows(source.frame)
    if not rows.texts:
        raise UserError(
            f"Expected rows with a text and a label in {source.source}, found {len(source.frame)} "
            "rows without. Check data.text_column and data.label_column."
        )
    return rows


def _learn(
    config: AuditCommand, rows: AuditRows, features: Any, groups: NDArray[np.int64]
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Train linear models; return what they tell of splits, of more texts, and of each label."""
    data, seeds = config.data, range(config.seed, config.seed + config.splits)
    fractions = data.validation_fraction, data.test_fraction or DataConfig.test_fraction
    with step("Training on leaking and clean splits", total=len(KINDS) * len(seeds)) as advance:
        leakage = compare_splits(rows, features, groups, fractions, seeds, advance)
    with step("Training on more and more texts", total=len(PARTS)) as advance:
        curve = learning_curve(rows, features, groups, fractions, config.seed, advance)
    with step("Looking for suspicious labels", total=len(rows.usable)) as advance:
        suspects = suspect_labels(rows, features, groups, config.seed, advance)
    found = {"leakage": leakage, "learning_curve": curve}
    return found | {"suspicious": describe_suspects(suspects)}, suspects


def run_audit(config: AuditCommand) -> None:
    """Audit a file, leave a page, figures and CSVs in a folder, and print what was found.

    Raises:
        UserError: When a mark of an earlier audit cannot be read, before any work is done.
    """
    output_dir = expanded(config.output_dir)
    require_writable(output_dir, "output_dir", "data")
    source = load_labelled_rows(config.data)
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", source.name).strip("_.-") or "data"
    directory = output_dir / name
    page, suspicious, near = (directory / name for name in ("audit.html", SUSPICIOUS, NEAR))
    require_writable(output_dir, "output_dir", f"{name}/{page.name}")
    for path in filter(Path.exists, (suspicious, near)):
        read_marks(path)
    audit = audit_rows(config, source)
    marked = {
        SUSPICIOUS: _write_with_marks(suspicious, audit.suspicious, config.suspicious_rows),
        NEAR: _write_with_marks(near, audit.near_duplicates),
    }
    command = _next_command(
        config.data, near if marked[NEAR] and not marked[SUSPICIOUS] else suspicious
    )
    figures = {**audit.figures, "marked": marked, "next": command}
    write_json(directory / "audit.json", figures)
    write_text(page, audit_page(figures))
    _print_audit(figures)
    logger.info("Marked rows: %s", ", ".join(f"{n} in {name}" for name, n in marked.items()))
    logger.info("Page: %s (all figures: audit.json beside it)", page)
    logger.info("Suspicious labels: %s (mark rows with x in the column exclude)", suspicious)
    log_next({command: "search without the rows that you marked"})


def _write_with_marks(path: Path, table: pd.DataFrame, max_rows: float = np.inf) -> int:
    """Write a table with a column for marks, which keeps the marks of an earlier file.

    Beyond `max_rows`, only marked rows are written.

    Returns:
        How many rows are marked.
    """
    marks = _earlier_marks(path, table[KEY])
    marked = table[KEY].isin(marks).to_numpy()
    table.insert(list(table).index(KEY) + 1, EXCLUDE, np.where(marked, "x", ""))
    write_spreadsheet(path, table[marked | (np.arange(len(table)) < max_rows)])
    return int(marked.sum())


def _earlier_marks(path: Path, keys: Iterable[str]) -> set[str]:
    """Return the keys that a person marked; the file is copied if a marked row is gone."""
    if not path.exists():
        return set()
    known = set(keys)
    marks = [[digest.hex() for digest in mark] for mark in read_marks(path)]
    found = [next((key for key in mark if key in known), None) for mark in marks]
    if lost := found.count(None):
        content = path.read_bytes()
        name = hashlib.blake2b(content, digest_size=4).hexdigest()
        former = path.with_suffix(f".former-{name}.csv")
        # A copy: if we are stopped before the new file is written, the marks are still there.
        with atomic_path(former) as temporary:
            temporary.write_bytes(content)
        message = "%d marked rows of %s are not in the data any more; the file is saved as %s."
        logger.warning(message, lost, path, former.name)
    return {key for key in found if key is not None}


def _print_audit(figures: Mapping[str, Any]) -> None:
    """Print what was found, the figures of the splits, and the most suspicious labels."""
    found = [[sentence] for sentence in figures["findings"]]
    print_tables(Table(["found"], found, f"Audit of {figures['source']}"))
    for table in (splits_table(figures["leakage"]), suspects_table(figures["suspicious"])):
        rows = [
            [cell[:80] if isinstance(cell, str) else cell for cell in row]
            for row in table.rows[:_MAX_PRINTED]
        ]
        if rows:
            print_tables(replace(table, rows=rows))


def _next_command(data: DataConfig, marks: Path) -> str:
    """Return the command for when rows are marked in a file, with the data as it was named."""
    group = "csv" if data.path else data.name
    values = {key: getattr(data, key) for key in _READING_KEYS}
    given = {key: value for key, value in values.items() if value != getattr(DataConfig, key)}
    named = [] if group == "auto" else [f"data={group}"]
    named += keyword_overrides({"data": {**given, "exclude": marks}})
    return our_command("search", *named)
