"""Tables of how good a model is at each level of a taxonomy, for card, report and terminal."""

from __future__ import annotations

from typing import Any

from ecomcat.wording.summary import Scores, bracketed, with_interval
from ecomcat.wording.table import Table


def level_tables(on: str, scores: Scores) -> list[Table]:
    """Return the tables of scores whose categories are paths; none for others.

    Args:
        on: String. The set that the scores are of, such as `"Test set"`.
        scores: The scores as `Scores.describe` and `score_levels` return them.
    """
    if not (found := scores.get("taxonomy")):
        return []
    return [_scores_table(on, found), _accepted_table(on, scores["coverage"], found["coverage"])]


def _scores_table(on: str, found: dict[str, Any]) -> Table:
    whole = found["hierarchical"]
    return Table(
        ["level", "nodes", "accuracy", "macro-F1"],
        [
            [
                depth,
                level["nodes"],
                *(with_interval(level, key) for key in ("accuracy", "macro_f1")),
            ]
            for depth, level in enumerate(found["levels"], 1)
        ],
        f"{on}, by level",
        f"hierarchical precision {whole['precision']:.4f}, recall {whole['recall']:.4f}, F1 "
        f"{whole['f1']:.4f}: of all nodes of the paths; in brackets 95 % intervals",
    )


def _accepted_table(on: str, leaves: dict[str, Any], found: dict[str, Any]) -> Table:
    depth = max(len(each["by_level"]) for each in found.values())
    at_levels = [f"down to level {level}" for level in range(1, depth + 1)]
    return Table(
        ["precision asked", "whole path", "at some level", "precision", *at_levels],
        [
            [
                asked,
                leaves[asked]["coverage"],
                f"{each['coverage']:.1%} {bracketed(each['coverage_interval'], '.1%')}",
                each["precision"]
                and f"{each['precision']:.4f} {bracketed(each['precision_interval'])}",
                *each["by_level"],
            ]
            for asked, each in found.items()
        ],
        f"{on}, accepted at the deepest level that is sure enough",
        "promised by validation, thresholds of each level",
        formats=dict.fromkeys(["whole path", *at_levels], ".1%"),
    )
