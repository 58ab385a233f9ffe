"""What an audit found, in sentences: what matters first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ecomcat.auditing.splits import DISTINCT, GROUPED, NAIVE, mean
from ecomcat.auditing.texts import UNCERTAIN
from ecomcat.data.cleaning import named, quoted

_MANY_REPEATS = 0.01
_DRIFT_AUC = 0.6


def findings(figures: Mapping[str, Any]) -> list[str]:
    """Say in sentences what was found, and what can be done about it."""
    return [
        *_repeats(figures["repeats"]),
        *_near(figures["near_duplicates"]),
        *_splits(figures["leakage"]),
        *_suspicious(figures["suspicious"]),
        *_balance(figures["balance"]),
        *_contents(figures["contents"], figures["repeats"]["distinct_texts"]),
        *_languages(figures["languages"]),
        *(_drift(figures["drift"]) if "drift" in figures else ()),
    ]


def _repeats(found: Mapping[str, Any]) -> Iterator[str]:
    share = found["repeats"] / max(found["rows"], 1)
    yield (
        f"{found['repeats']:,} of {found['rows']:,} rows ({share:.1%}) repeat another text"
        + (": a search removes them before it splits." if share > _MANY_REPEATS else ".")
    )
    if empty := found["empty_texts"] + found["empty_labels"]:
        yield f"Rows without text or label, which a search leaves out: {empty:,}."
    if found["conflicting_texts"]:
        symbols = found["conflicts_of_symbols"]
        yield (
            f"Texts under several labels: {found['conflicting_texts']:,}. A search takes the "
            f"majority's; without one it drops the text ({found['conflicting_texts_dropped']:,})."
            + (f" {symbols:,} differ in symbols alone, which are not read." if symbols else "")
        )


def _near(found: Mapping[str, Any]) -> Iterator[str]:
    if not found["texts"]:
        yield "No text is nearly the same as another."
        return
    across = found["groups_across_classes"]
    yield (
        f"{found['texts']:,} distinct texts ({found['share']:.1%}) are nearly the same as another; "
        f"groups of them: {found['groups']:,}"
        + (f", across categories: {across:,}" if across else "")
        + ". data.group_near_duplicates=true keeps each group on one side of the split."
    )


def _splits(found: Mapping[str, Any]) -> Iterator[str]:
    if "splits" not in found:
        yield f"Splits were not compared: {found['reason']}".rstrip(".") + "."
        return
    naive, distinct, grouped = (
        mean(found, kind, "accuracy") for kind in (NAIVE, DISTINCT, GROUPED)
    )
    yield (
        f"A random split of all rows tests a linear model on {mean(found, NAIVE, 'near')[0]:.0%} "
        f"rows that it was trained on, or nearly so, and gives an accuracy of {naive[0]:.4f}; "
        f"after repeats are removed it is {distinct[0]:.4f}, with near-duplicates on one side "
        f"{grouped[0]:.4f} (± {max(naive[1], distinct[1], grouped[1]):.4f}, "
        f"{len(found['splits'][NAIVE])} splits)."
    )


def _suspicious(found: Mapping[str, Any]) -> Iterator[str]:
    if "sure" not in found:
        yield f"Suspicious labels were not looked for, since {found['reason']}."
        return
    yield (
        "Labels that a model of the other texts contradicts with confidence: "
        f"{found['sure']:,} ({found['sure_share']:.1%}). Look through the first of them in "
        "suspicious_labels.csv."
    )


def _balance(found: Mapping[str, Any]) -> Iterator[str]:
    if groups := found["look_alikes"]:
        shown = ", ".join(" and ".join(map(quoted, group)) for group in groups[:5])
        yield (
            f"Categories that look alike are different ones: {shown}"
            + (f" and {len(groups) - 5} more" if len(groups) > 5 else "")
            + ". Write them in one way if they mean the same."
        )
    if rare := found["rare"]:
        yield (
            f"Categories of fewer than {found['min_class_rows']} distinct texts: {len(rare)}, "
            f"namely {named(rare)}. A search refuses or drops them (data.rare_classes)."
        )
    ratio = found["largest_to_smallest"]
    if ratio is not None and ratio >= 10:
        yield (
            f"The largest category has {ratio:.0f} times the texts of the smallest: judge by "
            "macro-F1, not by accuracy."
        )


def _contents(found: Mapping[str, Any], texts: int) -> Iterator[str]:
    kinds = {kind: each["texts"] for kind, each in found["leftovers"].items() if each["texts"]}
    if kinds:
        shown = ", ".join(f"{kind} in {count:,}" for kind, count in kinds.items())
        yield f"Of {texts:,} distinct texts some have leftovers: {shown}."
    long, tiny = found["gigantic"], found["tiny"]
    if long["texts"]:
        yield (
            f"Texts longer than the {long['above_words']} words that the default model reads: "
            f"{long['texts']:,}."
        )
    if tiny["texts"]:
        yield f"Texts of fewer than {tiny['below_words']} words: {tiny['texts']:,}."


def _languages(found: Mapping[str, Any]) -> Iterator[str]:
    sure = {name: count for name, count in found["counts"].items() if name != UNCERTAIN}
    if len(sure) > 1:
        shown = ", ".join(f"{name} {count:,}" for name, count in list(sure.items())[:5])
        yield f"Languages of {found['looked_at']:,} texts, where that is certain: {shown}."


def _drift(found: Mapping[str, Any]) -> Iterator[str]:
    shared = found["shared_exactly"], found["shared_nearly"]
    if any(shared):
        yield (
            f"Texts of the second file that stand in the first one, too: {shared[0]:,}, and nearly "
            f"so: {shared[1]:,}. No figure on them is honest after training on the first."
        )
    if found["auc"] is not None:
        differ = "differ" if found["auc"] >= _DRIFT_AUC else "can hardly be told apart"
        yield (
            f"The two files {differ}: a linear model tells them apart with an AUC of "
            f"{found['auc']:.3f} (0.5 is chance)."
        )
