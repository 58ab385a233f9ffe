"""What the report says of the data and of the final model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ecomcat.export.summary import (
    Table,
    hardest_pairs,
    model_sentences,
    parts_table,
    score_sets,
    scores_table,
    verdict,
)
from ecomcat.reporting.charts import (
    MAX_MATRIX_CLASSES,
    calibration_chart,
    confusion_chart,
    coverage_chart,
    scores_chart,
)
from ecomcat.reporting.html import MarkedText, Part

_CLEANED = {
    "empty_texts": "rows without a text",
    "empty_labels": "rows without a label",
    "duplicates_removed": "repeats of another row",
    "conflicting_texts": "texts under several labels",
    "conflicting_texts_dropped": "of these without a majority, dropped",
}
_SPLIT = {
    "near_duplicate_groups": "groups of near-duplicates, which stay on one side of the split",
    "near_duplicate_texts": "texts in these groups",
}
_EXCLUDED = {
    "train": "texts that data.exclude leaves out of train",
    "validation": "texts that data.exclude leaves out of validation",
    "test": "texts that data.exclude marks in test, where they stay",
    "unknown": "marks of data.exclude for texts that are not there",
}


def model_parts(final: Mapping[str, Any], trials: int) -> Iterator[Part]:
    """Yield what the final model is and how good.

    Args:
        final: What the study keeps of its final model.
        trials: Integer. Trials that the study has by now.
    """
    metrics = final["metrics"]
    test, trials_before = metrics["test"], metrics["search"]["trials"]
    yield {
        "test accuracy": f"{test['accuracy']:.4f}",
        "test macro-F1": f"{test['macro_f1']:.4f}",
        "calibration error": f"{test['calibration_error']:.4f}",
        **{
            f"accepted automatically at {asked}": f"{found['coverage']:.1%}"
            for asked, found in test["coverage"].items()
        },
    }
    yield f"{verdict(metrics)} The test set was scored once, after every choice."
    yield " ".join([*model_sentences(metrics["final"]), f"It is in {final['model_dir']}."])
    if trials > trials_before:
        yield f"It was made after {trials_before} trials; the study has gone on since."
    yield scores_table("The model beside the linear baseline", score_sets(metrics))
    if parts := parts_table(metrics):
        yield parts
    names = list(test["per_class"])
    if len(names) <= MAX_MATRIX_CLASSES:
        yield confusion_chart(names, test["confusion_matrix"])
    pairs = hardest_pairs(test, names, 20)
    if len(names) > 2 and pairs:
        yield Table(
            ["true category", "taken for", "texts", "of the category's"],
            [[true, other, count, count / total] for count, total, true, other in pairs],
            "What is most often taken for something else",
            formats={"of the category's": ".1%"},
            fold=8,
        )
    absent = [name for name, score in test["per_class"].items() if score["rows"] == 0]
    named = ", ".join(absent[:5]) + (", …" if len(absent) > 5 else "")
    notes = f"Without a text in the test set, and so of F1 0: {named}." if absent else ""
    yield scores_chart(test["per_class"], notes)
    coverage = coverage_chart(final["coverage"], test["coverage"])
    yield [calibration_chart(final["calibration"]), coverage]


def mistake_parts(mistakes: Sequence[Mapping[str, Any]]) -> Iterator[Part]:
    """Yield the most confident mistakes, with the words that spoke for and against them."""
    if not mistakes:
        yield "There was no mistake on the test set."
        return
    yield (
        f"The {len(mistakes)} most confident of the wrong answers on test. Some are the model's "
        "faults, some those of the labels. Words in blue spoke for the answer, those in orange "
        "against it: how far its probability falls without the word."
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
    """Return a name that leaves the order of what follows alone, whichever way it is written."""
    return f"\N{FIRST STRONG ISOLATE}{name}\N{POP DIRECTIONAL ISOLATE}"


def data_parts(facts: Mapping[str, Any]) -> Iterator[Part]:
    """Yield what is known of the data.

    Args:
        facts: What the study keeps of its data.
    """
    data = facts["data"]
    split, excluded, protocol = data["split"], data.get("excluded", {}), data["split"]["protocol"]
    yield {
        "rows": f"{data['rows']:,}",
        "distinct texts": f"{data['distinct_texts']:,}",
        **{part: f"{split[part]:,}" for part in ("train", "validation", "test")},
        "categories": f"{len(data['classes']):,}",
    }
    licence = f" Licence: {data['licence']}." if data.get("licence") else ""
    yield f"{data['source']}. {protocol[:1].upper()}{protocol[1:]}.{licence}"
    yield Table(
        ["removed or found", "count"],
        [
            *([title, data[key]] for key, title in _CLEANED.items()),
            *([f"rare category: {name}", n] for name, n in data["rare_classes_dropped"].items()),
            *([title, split[key]] for key, title in _SPLIT.items() if key in split),
            *([title, excluded[key]] for key, title in _EXCLUDED.items() if key in excluded),
        ],
        caption="What cleaning removed or found",
        fold=10,
    )
    ranked = sorted(data["classes"].items(), key=lambda item: -item[1])
    yield Table(["category", "distinct texts"], ranked, caption="Categories", fold=10)
    lengths, quantiles = facts["lengths"], facts["lengths"]["characters"]["quantiles"]
    yield (
        f"Half of the texts have {quantiles['0.5']:,} characters or fewer, 95% "
        f"{quantiles['0.95']:,} or fewer; on average {lengths['mean_tokens']:.0f} tokens are read. "
        f"{lengths['cut']:.1%} of the texts have {lengths['max_tokens']:,} tokens or more, and are "
        "cut there."
    )
