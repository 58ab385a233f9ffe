"""Texts that stay on one side of a split: near-duplicates, and those of a named group."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.config import DataConfig
from ecomcat.data.cleaning import DIGEST, CleanRows, part_counts
from ecomcat.data.header import GROUP, SPLIT
from ecomcat.data.near_duplicates import connected, find_near_duplicates

logger = logging.getLogger("ecomcat")

_TITLES = {"near_duplicate": "Near-duplicates", "column": "Rows of one data.group_column"}

Numbers = NDArray[np.int64]
Members = tuple[Numbers, Numbers]
"""Numbers of texts, and beside each the number of a group that it belongs to."""


def group_texts(rows: CleanRows, data: DataConfig) -> tuple[CleanRows, dict[str, Any]]:
    """Number the groups whose texts stay together.

    Args:
        rows: Cleaned rows.
        data: Configuration: `group_near_duplicates`, and `group_column`, whose rows of one value
            are a group. Groups that share a repeated text count as one.

    Returns:
        The rows, with a column `group` where anything is grouped; and for each kind of group, how
        many have several texts, and how many texts these are.
    """
    members: dict[str, Members] = {}
    if data.group_near_duplicates:
        logger.info("Looking for near-duplicates among %d texts.", len(rows.frame))
        found = find_near_duplicates(rows.texts, data.near_duplicate_similarity).groups
        members["near_duplicate"] = np.arange(len(found)), found
    if data.group_column is not None:
        members["column"] = _members_of_column(rows)
    if not members:
        return rows, {}
    described: dict[str, Any] = {}
    for kind, one in members.items():
        sizes = np.bincount(groups_of(len(rows.frame), [one]))
        groups, texts = int((sizes > 1).sum()), int(sizes[sizes > 1].sum())
        described |= {f"{kind}_groups": groups, f"{kind}_texts": texts}
        logger.info(
            "%s stay on one side of the split: %d texts in %d groups.",
            *(_TITLES[kind], texts, groups),
        )
    together = groups_of(len(rows.frame), list(members.values()))
    return replace(rows, frame=rows.frame.assign(**{GROUP: together})), described


def _members_of_column(rows: CleanRows) -> Members:
    """Return the texts of the named groups; a row without a name is a group of its own."""
    import pandas as pd

    texts = pd.Index(rows.frame[DIGEST]).get_indexer(pd.Index(rows.usable[DIGEST]))
    names = rows.usable[GROUP].str.strip()
    counted = (texts >= 0) & (names != "").to_numpy()
    return texts[counted], pd.factorize(names[counted])[0]


def groups_of(count: int, members: Sequence[Members]) -> Numbers:
    """Give the texts, from 0 to `count`, one number where any group connects them.

    >>> groups_of(4, [(np.array([0, 2]), np.array([7, 7])), (np.array([2, 3]), np.array([0, 0]))])
    array([0, 1, 0, 0])
    """
    size, edges = count, []
    for texts, groups in members:
        edges.append(np.column_stack([texts, groups + size]))
        size += int(groups.max(initial=-1)) + 1
    return connected(size, np.concatenate(edges))[:count]


def leave_out_straddling(rows: CleanRows) -> tuple[CleanRows, dict[str, int]]:
    """Leave out texts of train and validation whose group has a text in a later part.

    Returns:
        The rows that are left, and how many texts of each part were left out.
    """
    if GROUP not in rows.frame:
        return rows, {}
    parts = rows.frame[SPLIT]
    stays = parts == parts.groupby(rows.frame[GROUP]).transform("max")
    left = rows.frame[stays].reset_index(drop=True)
    return replace(rows, frame=left), part_counts(parts[~stays])
