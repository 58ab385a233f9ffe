"""The project's own data set: product descriptions that it generates, for work offline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ecomcat.data.sample_text import Copywriter, Draw
from ecomcat.data.sample_words import Category, categories

_MINIMUM_ROWS = 50
_REPEAT_SHARE = 0.09


@dataclass(frozen=True)
class SampleRow:
    """One row of the sample.

    Attributes:
        label: the category as written in the file, wrong at the rate of the label noise.
        text: the product description.
        true_label: the category for which the text was written.
    """

    label: str
    text: str
    true_label: str


def generate_sample(rows: int = 4000, label_noise: float = 0.03, seed: int = 1) -> list[SampleRow]:
    """Generate the sample; the same arguments give the same rows on every platform.

    Of the rows, 9 % repeat an earlier one with its written label: half of them exactly, half
    with other letter case, spaces or punctuation.

    Args:
        rows: number of rows, repeats included, at least 50.
        label_noise: share of the distinct rows that get a wrong label, 0 to 0.5.
        seed: seed of the generator.

    Returns:
        The rows in the order of the file.

    Raises:
        ValueError: `rows` or `label_noise` is outside its range.
    """
    if rows < _MINIMUM_ROWS:
        raise ValueError(f"rows must be at least {_MINIMUM_ROWS}, got {rows}")
    if not 0 <= label_noise <= 0.5:
        raise ValueError(f"label_noise must be between 0 and 0.5, got {label_noise}")
    draw = Draw(seed)
    everything = categories()
    repeats = round(rows * _REPEAT_SHARE)
    distinct = _write_distinct(draw, everything, rows - repeats)
    wrong = round(len(distinct) * label_noise)
    return _insert_repeats(draw, _mislabel(draw, everything, distinct, wrong), repeats)


def _write_distinct(draw: Draw, everything: Sequence[Category], rows: int) -> list[SampleRow]:
    """Write rows that differ in more than case, spaces and punctuation, in random order."""
    copywriter = Copywriter(draw, everything)
    seen: set[str] = set()
    written = []
    for category, count in zip(everything, _class_counts(everything, rows), strict=True):
        for _ in range(count):
            text = copywriter.write(category)
            while _letters_and_digits(text) in seen:
                text = copywriter.write(category)
            seen.add(_letters_and_digits(text))
            written.append(SampleRow(category.label, text, category.label))
    return draw.shuffled(written)


def _class_counts(everything: Sequence[Category], rows: int) -> list[int]:
    """Split the rows by the categories' shares; the largest category takes what is left."""
    counts = [int(rows * category.share) for category in everything]
    counts[0] += rows - sum(counts)
    return counts


def _mislabel(
    draw: Draw, everything: Sequence[Category], rows: Sequence[SampleRow], wrong: int
) -> list[SampleRow]:
    """Give as many rows as `wrong` says another category's label."""
    chosen = set(draw.shuffled(range(len(rows)))[:wrong])
    labels = [category.label for category in everything]
    result = []
    for position, row in enumerate(rows):
        # Drawn for every row, so that the texts and their order do not depend on the noise.
        other = draw.pick([label for label in labels if label != row.true_label])
        result.append(replace(row, label=other) if position in chosen else row)
    return result


def _insert_repeats(draw: Draw, distinct: Sequence[SampleRow], repeats: int) -> list[SampleRow]:
    """Spread repeats over the rows, each somewhere behind the row that it repeats."""
    total = len(distinct) + repeats
    places = draw.shuffled(range(1, total))[:repeats]
    respelt = set(places[: repeats // 2])
    repeated = set(places)
    remaining = iter(distinct)
    originals: list[SampleRow] = []
    result = []
    for place in range(total):
        if place not in repeated:
            originals.append(next(remaining))
            result.append(originals[-1])
            continue
        row = draw.pick(originals)
        result.append(replace(row, text=_respell(draw, row.text)) if place in respelt else row)
    return result


def _respell(draw: Draw, text: str) -> str:
    """Change letter case, spaces or punctuation, and no letter or digit."""
    changes: tuple[Callable[[str], str], ...] = (
        str.upper,
        str.lower,
        lambda text: text.replace(" ", "  ", 3),
        lambda text: f"  {text} ",
        lambda text: f"{text.rstrip('.')}!!",
        lambda text: text.replace(", ", " - "),
    )
    changed = text
    while changed == text:
        changed = draw.pick(changes)(text)
    return changed


def _letters_and_digits(text: str) -> str:
    """Reduce a text to what its repeats share with it."""
    return "".join(filter(str.isalnum, text.casefold()))
