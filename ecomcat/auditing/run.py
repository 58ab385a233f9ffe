"""An audit from the file to the folder that it leaves."""

from __future__ import annotations

import csv
import io
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table
from rich.text import Text

from ecomcat.auditing.drift import KINDS, drift, leakage
from ecomcat.auditing.findings import findings, mean
from ecomcat.auditing.labels import Suspicion, suspect_labels, suspects, weigh_words
from ecomcat.auditing.page import audit_page
from ecomcat.auditing.rows import AuditRows, audit_rows, balance, repeats
from ecomcat.auditing.texts import contents, languages, similar_texts
from ecomcat.config import AuditCommand, DataConfig
from ecomcat.console import log_next, our_command, step
from ecomcat.data.dataset import file_problems, refuse_split_keys
from ecomcat.data.formats import path_problems
from ecomcat.data.near_duplicates import NearDuplicates, find_near_duplicates
from ecomcat.data.sources import FileSource, LabelledRows, load_labelled_rows
from ecomcat.data.splitting import EXCLUDE, KEY, TEXT, read_marks
from ecomcat.errors import UserError
from ecomcat.files import atomic_path, expanded, require_writable, write_json, write_text
from ecomcat.options import validate
from ecomcat.process import require_extra
from ecomcat.reporting.html import render
from ecomcat.reporting.terminal import output_console

logger = logging.getLogger("ecomcat")

_PACKAGES = ("sklearn", "datasketch", "py3langid", "plotly", "jinja2")


def check_audit(config: AuditCommand) -> None:
    """Check everything of an audit that can be known before the data is read.

    Raises:
        UserError: naming each value that is wrong, a line each; or the packages that are missing.
    """
    require_extra("audit", *_PACKAGES, needed_for="An audit")
    refuse_split_keys(config.data, "audit", compares=True)
    against = path_problems("against", config.against) if config.against else ()
    validate(config, [*file_problems(config.data), *against])
    require_writable(expanded(config.output_dir) / "data", "output_dir")


SUSPICIOUS, NEAR = "suspicious_labels.csv", "near_duplicates.csv"
# Some spreadsheets take the wide forms of East Asian keyboards for the plain ones.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_BYTE_ORDER_MARK = "\ufeff"  # without it, some spreadsheets read UTF-8 as Latin-1


def check_marks(directory: Path) -> None:
    """Refuse files of a former audit whose marks cannot be read, before any work is done.

    Raises:
        UserError: naming what is wrong, so that no mark is lost.
    """
    for name in (SUSPICIOUS, NEAR):
        if (directory / name).exists():
            read_marks(directory / name)


def _kept_marks(path: Path, digests: Iterable[bytes]) -> set[bytes]:
    """Return which rows a person marked in a former file; it is kept if a mark has no row now."""
    if not path.exists():
        return set()
    marks, known = read_marks(path), set(digests)
    found = [next((d for d in mark.digests if d in known), None) for mark in marks]
    if lost := found.count(None):
        logger.warning(
            "%d marked rows of %s have no place in it any more; the file is kept as %s.",
            lost,
            path,
            _keep_copy(path).name,
        )
    return {digest for digest in found if digest is not None}


def _keep_copy(path: Path) -> Path:
    """Copy a file beside itself under a name that no earlier copy of other content has."""
    content = path.read_bytes()
    for number in count(1):
        former = path.with_suffix(f".former{'' if number == 1 else f'-{number}'}.csv")
        if not former.exists():
            # A copy: stopped before the new file is written, the marks are still in their place.
            with atomic_path(former) as temporary:
                temporary.write_bytes(content)
            break
        if former.is_file() and former.read_bytes() == content:
            break
    return former


def write_suspicious(path: Path, rows: AuditRows, suspicion: Suspicion | None, most: int) -> int:
    """Write the most suspicious labels, and those further down that a person has marked.

    Args:
        path: the file; marks in it are kept.
        rows: of the audited file.
        suspicion: of its usable texts.
        most: rows to write, marked ones not counted.

    Returns:
        How many rows are marked.
    """
    usable = rows.usable
    listed = usable if suspicion is not None else usable[:0]
    marks = _kept_marks(path, (rows.digests[text] for text in listed))
    ranking = np.empty(0, np.int64) if suspicion is None else suspicion.ranking
    chosen = []
    for rank, row in enumerate(ranking.tolist(), start=1):
        digest = rows.digests[usable[row]]
        if rank <= most or digest in marks:
            chosen.append((rank, row, digest))
    assert suspicion is not None or not chosen
    headings = ("rank", KEY, EXCLUDE, "label", "suggested", "confidence", "suggested_confidence")
    table = (
        (
            rank,
            digest.hex(),
            "x" if digest in marks else "",
            rows.class_of(usable[row]),
            rows.classes[suspicion.suggested[row]],
            f"{suspicion.confidence[row]:.4f}",
            f"{suspicion.suggested_confidence[row]:.4f}",
            rows.texts[usable[row]],
        )
        for rank, row, digest in chosen
        if suspicion is not None
    )
    _write(path, (*headings, TEXT), table)
    return sum(digest in marks for _, _, digest in chosen)


def write_near_duplicates(path: Path, rows: AuditRows, found: NearDuplicates) -> int:
    """Write every text that is nearly the same as another, group by group, large ones first.

    Args:
        path: the file; marks in it are kept.
        rows: of the audited file.
        found: near-duplicates among its distinct texts.

    Returns:
        How many rows are marked.
    """
    sizes = found.sizes
    closest = np.zeros(len(rows.texts))
    for side in (0, 1):
        np.maximum.at(closest, found.pairs[:, side], found.similarities)
    members = np.flatnonzero(sizes[found.groups] > 1) if len(sizes) else np.empty(0, np.int64)
    order = members[np.lexsort((members, found.groups[members], -sizes[found.groups[members]]))]
    marks = _kept_marks(path, (rows.digests[text] for text in order))
    numbers: dict[int, int] = {}
    table = (
        (
            numbers.setdefault(int(found.groups[text]), len(numbers) + 1),
            rows.digests[text].hex(),
            "x" if rows.digests[text] in marks else "",
            rows.class_of(text),
            f"{closest[text]:.4f}",
            rows.texts[text],
        )
        for text in order.tolist()
    )
    _write(path, ("group", KEY, EXCLUDE, "label", "similarity_to_closest", TEXT), table)
    return sum(rows.digests[text] in marks for text in order)


def _write(path: Path, headings: Sequence[str], table: Iterable[Sequence[object]]) -> None:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(headings)
    writer.writerows([_harmless(cell) for cell in row] for row in table)
    write_text(path, _BYTE_ORDER_MARK + out.getvalue())


def _harmless(cell: object) -> object:
    text = str(cell)
    return f"'{text}" if text.startswith(_FORMULA) else cell


_SHOWN = 10
_CHARACTERS = 120


def print_audit(figures: Mapping[str, Any]) -> None:
    """Print what was found, the splits' figures, and the most suspicious labels."""
    console = output_console()
    console.print(_table(f"Audit of {figures['source']}", ["found"], figures["findings"]))
    leaked, suspicious = figures["leakage"], figures["suspicious"]
    if "splits" in leaked:
        console.print(_leakage_table(leaked))
    if "first" in suspicious:
        console.print(_suspicious_table(suspicious["first"]))


def _table(title: str, headings: Sequence[str], rows: Sequence[Any]) -> Table:
    table = Table(title=Text(title, style="table.title"))
    for heading in headings:
        # A text is cut where the table ends; the page shows more of it.
        table.add_column(heading, no_wrap=heading == "text", overflow="ellipsis")
    for row in rows:
        cells = [row] if isinstance(row, str) else row
        table.add_row(*(Text(str(cell)) for cell in cells))
    return table


def _leakage_table(found: Mapping[str, Any]) -> Table:
    rows = []
    for kind, each in found["splits"].items():
        figures = [
            f"{average:.4f} ± {spread:.4f}" if len(each) > 1 else f"{average:.4f}"
            for average, spread in (mean(found, kind, "accuracy"), mean(found, kind, "macro_f1"))
        ]
        shares = [f"{mean(found, kind, name)[0]:.1%}" for name in ("twins", "near")]
        rows.append([kind, *figures, *shares])
    headings = ["split", "accuracy", "macro-F1", "test rows trained on", "these or nearly so"]
    return _table("A linear model on three kinds of split", headings, rows)


def _suspicious_table(first: Sequence[Mapping[str, Any]]) -> Table:
    rows = [
        (
            row["rank"],
            row["label"],
            row["suggested"],
            f"{row['suggested_confidence']:.2f}",
            row["text"][:_CHARACTERS],
        )
        for row in first[:_SHOWN]
    ]
    headings = ["rank", "label", "suggested", "sure", "text"]
    return _table("Most suspicious labels", headings, rows)


# What the same rows cannot be read or split without, where it is not the default.
_READING_KEYS = (
    *("member", "encoding", "delimiter", "header", "rare_classes", "min_class_rows"),
    *("sample_rows", "sample_label_noise", "sample_seed", "sample_categories"),
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
        others = FileSource().load(replace(config.data, path=config.against, member=None))
    directory = expanded(config.output_dir) / _folder(source.name)
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
    for name, marks in marked.items():
        if marks:
            logger.info("Kept: %d marks in %s.", marks, directory / name)
    logger.info("Page: %s (all figures: audit.json beside it)", directory / "audit.html")
    logger.info(
        "Suspicious labels: %s (mark rows with x in the column exclude)", directory / SUSPICIOUS
    )
    log_next({figures["next"]: "search without the rows that you marked"})


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
