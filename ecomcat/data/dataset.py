"""The data of one run: distinct texts, class numbers, and the split."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.config import DataConfig
from ecomcat.data.cleaning import (
    DIGEST,
    LABEL,
    PARTS,
    TEXT,
    CleaningReport,
    CleanRows,
    clean_rows,
    named,
    normalized_key,
    quoted,
)
from ecomcat.data.exclude import leave_out
from ecomcat.data.given_split import require_parts
from ecomcat.data.groups import group_texts, leave_out_straddling
from ecomcat.data.header import GROUP
from ecomcat.data.rare_classes import with_enough_texts
from ecomcat.data.sources import LabelledRows, load_labelled_rows
from ecomcat.data.splitting import Split, draw_split, drawn_fractions
from ecomcat.errors import UserError, name_five
from ecomcat.files import expanded
from ecomcat.model.taxonomy import Taxonomy, taxonomy_of
from ecomcat.text.fields import Fields, Name, split_fields

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger("ecomcat")

_SHARES = (0.05, 0.5, 0.95, 0.99)  # of the quantiles of lengths


def refuse_split_keys(data: DataConfig, command: str, *, compares: bool = False) -> None:
    """Refuse keys that change a split, for a command that draws none.

    Args:
        data: Configuration of the data.
        command: String. The command's name.
        compares: Boolean. Whether it still looks for near-duplicates. Defaults to False.
    """
    other = data.near_duplicate_similarity != DataConfig.near_duplicate_similarity
    keys = {
        "data.exclude": data.exclude,
        "data.validation_path": data.validation_path,
        "data.test_path": data.test_path,
        "data.split_column": data.split_column is not None and not compares,
        "data.group_column": data.group_column is not None and not compares,
        "data.group_near_duplicates": data.group_near_duplicates,
        "data.near_duplicate_similarity": other and not compares,
    }
    if given := [key for key, value in keys.items() if value]:
        it = "it" if len(given) == 1 else "them"
        raise UserError(
            f"Expected {' and '.join(given)} in ecomcat.search or ecomcat.train, which split rows, "
            f"found {it} in ecomcat.{command}. Leave {it} out."
        )


def describe_lengths(
    texts: Sequence[str], tokens: NDArray[np.int64], max_tokens: int
) -> dict[str, Any]:
    """Return the distribution of the lengths of texts.

    Args:
        texts: Sequence of distinct strings, at least one.
        tokens: Array of shape `(texts,)`, tokens of each text, at most `max_tokens`.
        max_tokens: Integer. The most tokens of a text that any model of the search reads.

    Returns:
        Dictionary of `characters` with its `quantiles` by share, `shortest` and `longest`;
        `mean_tokens`; `max_tokens`; and `cut`, the share of texts of `max_tokens` or more.
    """
    characters = np.array([len(text) for text in texts], np.int64)
    quantiles = np.quantile(characters, _SHARES, method="nearest").tolist()
    return {
        "characters": {
            "quantiles": {f"{share:g}": n for share, n in zip(_SHARES, quantiles, strict=True)},
            "shortest": int(characters.min()),
            "longest": int(characters.max()),
        },
        "mean_tokens": round(float(tokens.mean()), 1),
        "max_tokens": max_tokens,
        "cut": round(float((tokens >= max_tokens).mean()), 4),
    }


@dataclass(frozen=True)
class Dataset:
    """Distinct texts and the part of the split that each belongs to.

    Args:
        name: String. A short name, for folders.
        frame: DataFrame with the columns `text`, `label` (categorical), `digest` and `split`, the
            number of the part that a text is given for; one row per text.
        split: Which rows are train, validation and test; rows that a file excludes are in
            neither train nor validation.
        description: Dictionary. What `metrics.json` records under `data`.
        fields: `Fields`. The columns that the texts are composed of.
        groups: Array of shape `(texts,)`, the group of each text, which the split keeps together.
            None where nothing is grouped.
        excluded: Array of the numbers of the texts that a file marks, those of test included.
        given: Tuple of the names of the parts that the user gives.
        separator: String between the levels of labels that are paths. None where they are none.
        label_columns: Tuple of the names or positions of the columns of the labels.
    """

    name: str
    frame: pd.DataFrame
    split: Split
    description: dict[str, Any]
    fields: Fields
    groups: NDArray[np.int64] | None = None
    excluded: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    given: tuple[str, ...] = ()
    separator: str | None = None
    label_columns: tuple[Name, ...] = ()

    @cached_property
    def texts(self) -> list[str]:
        """The distinct texts."""
        return list(self.frame[TEXT])

    @cached_property
    def class_names(self) -> list[str]:
        """Names of the categories, sorted; a label id is a position in this list."""
        return list(self.frame[LABEL].cat.categories)

    @cached_property
    def taxonomy(self) -> Taxonomy | None:
        """The tree of the categories, where they are paths."""
        return taxonomy_of(self.class_names, self.separator)

    @cached_property
    def label_ids(self) -> NDArray[np.int64]:
        """The label id of each text, shape `(texts,)`."""
        return np.asarray(self.frame[LABEL].cat.codes, np.int64)

    @cached_property
    def digests(self) -> list[bytes]:
        """8 bytes per text, a hash of its key."""
        return list(self.frame[DIGEST])

    @property
    def content_hash(self) -> str:
        """A hash of the distinct texts and their labels, whatever the file's order."""
        content = hashlib.sha256()
        for digest, label in zip(self.frame[DIGEST], self.frame[LABEL], strict=True):
            content.update(digest + label.encode("utf-8", "replace") + b"\0")
        return content.hexdigest()


def load_dataset(data: DataConfig, seed: int, rows: LabelledRows | None = None) -> Dataset:
    """Read, clean and split the rows that a configuration names.

    Args:
        data: Configuration: which rows, and how they are split.
        seed: Integer. Seed of the split.
        rows: Rows in place of those that the configuration names. Defaults to none.

    Raises:
        UserError: When the rows cannot be found, read or split.
    """
    source = load_labelled_rows(data) if rows is None else rows
    cleaned, parts = _prepared(source, data)
    split = draw_split(cleaned, drawn_fractions(data, source.given), seed)
    excluded = np.empty(0, np.int64)
    marked: dict[str, Any] = {}
    if data.exclude:
        path = expanded(data.exclude)
        split, excluded, marked = leave_out(split, cleaned.digests, cleaned.labels, path)
    parts |= {part: len(rows) for part, rows in vars(split).items()}
    if source.fields.categories or source.fields.numbers:
        parts |= {"same_text_in_train": _count_same_texts(cleaned.texts, split)}
    described = _describe(
        source, cleaned, {"protocol": _protocol(data, seed, source.given), **parts}
    )
    described |= {"excluded": marked} if marked else {}
    _log_split(described)
    _warn_of_lacking(cleaned.labels, split, source.given)
    frame = cleaned.frame.astype({LABEL: "category"})
    groups = frame[GROUP].to_numpy() if GROUP in frame else None
    return Dataset(
        *(source.name, frame, split, described, source.fields, groups, excluded),
        given=source.given,
        separator=source.separator,
        label_columns=source.columns.label_names,
    )


def _count_same_texts(texts: Sequence[str], split: Split) -> dict[str, int]:
    """Count the texts of validation and test that differ from training texts only in fields."""
    keys = np.array([normalized_key(split_fields(text)[1]) for text in texts], object)
    known = set(keys[split.train])
    return {part: sum(key in known for key in keys[getattr(split, part)]) for part in PARTS[1:]}


def _prepared(source: LabelledRows, data: DataConfig) -> tuple[CleanRows, dict[str, Any]]:
    """Return the rows to split, and a description of those that stay together or were dropped."""
    is_drawn = bool(source.given and drawn_fractions(data, source.given))
    cleaned = replace(clean_rows(source.frame), only_train_counts=is_drawn)
    for warning in cleaned.warnings():
        logger.warning(warning)
    require_parts(cleaned, source.given)
    cleaned = with_enough_texts(cleaned, data, source.separator)
    _log_cleaning(cleaned.report)
    grouped, parts = group_texts(cleaned, data)
    if source.given:
        grouped, straddling = leave_out_straddling(grouped)
        require_parts(grouped, source.given, straddling)
        grouped = with_enough_texts(grouped, data, source.separator)
        require_parts(grouped, source.given)
        parts["shared_texts"] = cleaned.report.shared_texts
        if straddling:
            parts["shared_groups"] = straddling
    _log_rare_classes(grouped.report)
    return grouped, parts


def _describe(source: LabelledRows, cleaned: CleanRows, split: dict[str, Any]) -> dict[str, Any]:
    """Return what `metrics.json` records under `data`."""
    report = asdict(cleaned.report)
    del report["shared_texts"]  # it is under `split`, where parts are given
    if source.separator is None:
        del report["rare_classes_merged"]
    else:
        report["label_separator"] = source.separator
    if not source.fields.is_plain:
        report["fields"] = source.fields.describe()
    return {
        "source": source.source,
        "licence": source.licence,
        "rows": report.pop("rows_read"),
        "distinct_texts": len(cleaned.frame),
        **report,
        "classes": dict(sorted(Counter(cleaned.labels).items())),
        "split": split,
    }


def _protocol(data: DataConfig, seed: int, given: Collection[str]) -> str:
    """Describe how the rows were split."""
    drawn = drawn_fractions(data, given)
    taken = " and ".join(part for part in PARTS[1:] if part in given)
    ways = [f"taking {taken} as given"] * bool(given)
    if drawn:
        shares = {"train": 1 - sum(drawn.values()), **drawn}
        shown = ", ".join(f"{share:.0%} {part}" for part, share in shares.items())
        of = " of train" if given else ""
        without = "" if "test" in given or data.test_fraction else ", no test"
        ways.append(f"a stratified split{of}, {_together(data)}{shown}{without}, seed {seed}")
    elif together := _together(data):
        ways.append(together.removesuffix(", "))
    if not drawn and "test" not in given:
        ways.append("no test")
    stripped = "; texts of a later part are left out of an earlier one" if given else ""
    return (
        "duplicates removed (NFKC, casefold, letters, marks and digits only) before "
        f"{', and '.join(ways)}{stripped}"
    )


def _together(data: DataConfig) -> str:
    groups = []
    if data.group_near_duplicates:
        groups.append(
            "groups of near-duplicates (Jaccard similarity of word triples from "
            f"{data.near_duplicate_similarity:g})"
        )
    if data.group_column is not None:
        groups.append(f"rows of one value in column {data.group_column}")
    return f"{' and '.join(groups)} together on one side, " if groups else ""


def _log_cleaning(report: CleaningReport) -> None:
    counts = {name: count for name, count in vars(report).items() if isinstance(count, int)}
    words = [f"{count} {name.replace('_', ' ')}" for name, count in counts.items()]
    logger.info("Cleaned: %s.", ", ".join(words))


def _log_rare_classes(report: CleaningReport) -> None:
    which = "classes with too few texts or none in train"
    if report.rare_classes_merged:
        merged = named(report.rare_classes_merged)
        logger.warning("Merged %s into those above: %s.", which, merged)
    if report.rare_classes_dropped:
        logger.warning("Dropped %s: %s.", which, named(report.rare_classes_dropped))


def _log_split(described: dict[str, Any]) -> None:
    sizes, split = described["classes"], described["split"]
    largest = sorted(sizes, key=lambda name: -sizes[name])
    logger.info(
        "Split: %d distinct texts of %d classes (%s): %d train, %d validation, %d test.",
        described["distinct_texts"],
        len(sizes),
        name_five(f"{quoted(name)[1:-1]}: {sizes[name]}" for name in largest),
        *(split[part] for part in PARTS),
    )
    if not split["test"]:
        logger.warning(
            "There is no test set (data.test_fraction=0): no figure will say how good the model is "
            "on texts that no choice was made on."
        )
    _warn_of_repeated_texts(split)


def _warn_of_repeated_texts(split: Mapping[str, Any]) -> None:
    """Warn of texts that are in several parts, and of those that were left out for it."""
    for part, count in split.get("same_text_in_train", {}).items():
        if count:
            logger.warning(
                "%d of %d %s texts are also in train, with other fields. If that makes figures too "
                "good, data.group_column keeps rows of one title on one side.",
                *(count, split[part], part),
            )
    for part, later in (("train", "validation or test"), ("validation", "test")):
        for kind in ("text", "group"):
            if count := split.get(f"shared_{kind}s", {}).get(part):
                logger.warning(
                    "Left out of %s: %d texts whose %s is also in %s.", *(part, count, kind, later)
                )


def _warn_of_lacking(labels: Sequence[str], split: Split, given: Collection[str]) -> None:
    """Warn of the classes of which a given part has no text."""
    classes = set(labels)
    for part in given:
        if lacking := sorted(classes - {labels[row] for row in getattr(split, part)}):
            logger.warning(
                "The %s part has no text of %d of %d classes, which its figures leave out: %s.",
                *(part, len(lacking), len(classes), name_five(map(quoted, lacking))),
            )
