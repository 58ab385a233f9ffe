"""Fields of a row as one text: categories and numbers as words, and a mark before each text.

Such a word is between two control characters, U+001E and U+001F, which are removed from a row's own
texts: `brand=samsung`, `price=129.9`, `title`. So everything that reads texts can read rows, and a
tokenizer treats each as a word. It reads a number as its quantile in training (`price<=149`), and
an unknown category as the name of its column (`brand=`).
"""

from __future__ import annotations

import math
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any

from ecomcat.errors import UserError, name_five

Name = str | int
"""A column's name, or its position from 0."""

_BEGIN, _END = "\x1e", "\x1f"
FIELD_PATTERN = f"{_BEGIN}[^{_BEGIN}{_END}]*{_END}"
"""The pattern of a field's word, for any kind of regular expressions."""

_FIELD = re.compile(FIELD_PATTERN)
_QUANTILE = re.compile(r".([^<=>]*)<=([0-9.e+-]+|inf).")
_KEYS = {"text_columns": "texts", "category_columns": "categories", "number_columns": "numbers"}
_QUANTILES = 20
_MAX_CHARACTERS = 100  # of a category, and of a column's name
WHOLE_NUMBER = re.compile(r"([+-]?\d+)\.0+")  # as pandas writes one beside a missing value
LETTER_OR_DIGIT = re.compile(r"[^\W_]")


@dataclass(frozen=True)
class Fields:
    r"""The columns that a model reads of a row.

    Args:
        texts: Tuple of the names or positions of the columns of text.
        categories: Tuple of the same for columns of categories. Defaults to none.
        numbers: Tuple of the same for columns of numbers. Defaults to none.
        marked: Boolean. Whether several texts have a mark each. Defaults to True; models of earlier
            versions read them joined.

    Raises:
        UserError: When a model could not distinguish two columns.

    >>> Fields(("title",), ("brand",), ("price",)).compose(["A lamp"], ["Samsung"], [9.5])
    '\x1ebrand=Samsung\x1f \x1eprice=9.5\x1f A lamp'
    """

    texts: tuple[Name, ...]
    categories: tuple[Name, ...] = ()
    numbers: tuple[Name, ...] = ()
    marked: bool = True

    def __post_init__(self) -> None:
        """Refuse names that differ only in characters that the words of a vocabulary lose."""
        if len({*map(word_name, self.names)}) < len(self.names) and not self.is_plain:
            raise UserError(
                "Expected columns of text, categories and numbers whose names differ by more than "
                f"case and signs, found {name_five(map(repr, self.names))}. Rename one of them."
            )

    @property
    def names(self) -> tuple[Name, ...]:
        """All of them."""
        return (*self.texts, *self.categories, *self.numbers)

    def describe(self) -> dict[str, list[Name]]:
        """Return the columns as an exported model's configuration has them."""
        # Joined texts have only the first name, as in models of earlier versions.
        keys = _KEYS if self.marked else list(_KEYS)[:1]
        return {key: list(getattr(self, _KEYS[key])) for key in keys}

    @property
    def is_plain(self) -> bool:
        """Whether a text is read as it is, from one column or several that are joined."""
        one_text = len(self.texts) < 2 or not self.marked
        return one_text and not self.categories and not self.numbers

    @property
    def marks(self) -> list[str]:
        """The mark before each text; none where there is one column of text."""
        if len(self.texts) < 2 or not self.marked:
            return [""] * len(self.texts)
        return [f"{_BEGIN}{word_name(name)}{_END}" for name in self.texts]

    def compose(
        self,
        texts: Sequence[str],
        categories: Sequence[str] = (),
        numbers: Sequence[float | None] = (),
    ) -> str:
        """Return a row as one text, without what is missing.

        Args:
            texts: Sequence of its texts, one per column.
            categories: The same of its categories; one without a letter or digit is missing.
            numbers: The same of its numbers; None where there is none.
        """
        if self.is_plain:
            return " ".join(filter(None, texts))
        named = zip(self.categories, categories, strict=False)
        words = [_category_word(word_name(name), value) for name, value in named]
        counted = zip(self.numbers, numbers, strict=False)
        words += [
            f"{_BEGIN}{word_name(name)}={number:.12g}{_END}"
            for name, number in counted
            if number is not None and math.isfinite(number)
        ]
        for mark, text in zip(self.marks, texts, strict=False):
            cleaned = text.replace(_BEGIN, " ").replace(_END, " ")
            words += [mark if LETTER_OR_DIGIT.search(cleaned) else "", cleaned]
        return " ".join(filter(None, words))

    def vocabulary(self, texts: Iterable[str]) -> list[str]:
        """Return the words of fields that a vocabulary begins with, however rare they are.

        Args:
            texts: Iterable of composed training texts, which give the quantiles of numbers.
        """
        found: dict[str, list[float]] = {word_name(name): [] for name in self.numbers}
        for word in chain.from_iterable(split_fields(text)[0] for text in texts if found):
            name, _, value = word[1:-1].partition("=")
            if name in found:
                found[name].append(float(value))
        unknown = [f"{_BEGIN}{word_name(name)}={_END}" for name in self.categories]
        return [
            *filter(None, self.marks),
            *unknown,
            *(
                f"{_BEGIN}{name}<={edge}{_END}"
                for name, values in found.items()
                for edge in _edges(values)
            ),
        ]

    def with_quantiles(self, texts: Sequence[str], words: Sequence[str]) -> list[str]:
        """Return composed texts with quantiles instead of numbers.

        Args:
            texts: Sequence of composed texts.
            words: Sequence of the words that `vocabulary` made from training texts.
        """
        if not self.numbers:
            return list(texts)
        quantiles = Quantiles(words)

        def named(found: re.Match[str]) -> str:
            place = quantiles.place(found[0])
            return found[0] if place is None else words[place]

        return [_FIELD.sub(named, text) for text in texts]

    def countable(self, text: str) -> str:
        """Return a composed text with only those words of fields that a vocabulary may learn."""
        learned = tuple(f"{_BEGIN}{word_name(name)}=" for name in self.categories)
        return _FIELD.sub(lambda found: found[0] if found[0].startswith(learned) else " ", text)


@lru_cache(1024)
def word_name(column: Name) -> str:
    """Return a column's name as it is in words of the vocabulary."""
    folded = unicodedata.normalize("NFKC", str(column)[:_MAX_CHARACTERS]).lower()
    return " ".join(re.sub("[<=>]", " ", folded).split())  # which also removes control characters


def read_fields(described: Mapping[str, Any]) -> Fields:
    """Return the columns in an exported model's configuration.

    Raises:
        UserError: When two of them would be the same.
        TypeError: When they are not names or positions.
    """
    columns = [tuple(described.get(key, ())) for key in _KEYS]
    if any(type(name) not in {str, int} for names in columns for name in names):
        raise TypeError("expected names and positions of columns")
    marked = "category_columns" in described
    return Fields(columns[0], columns[1], columns[2], marked)


PLAIN = Fields(())
"""Texts that are read as they are, from a column whose name does not matter."""


def _category_word(name: str, value: str) -> str:
    folded = unicodedata.normalize("NFKC", value[:_MAX_CHARACTERS])
    written = " ".join(folded.split())[:_MAX_CHARACTERS]
    if number := WHOLE_NUMBER.fullmatch(written):
        written = number[1]
    while written and unicodedata.combining(written[0]):  # it would join the sign before it
        written = written[1:].lstrip()
    return f"{_BEGIN}{name}={written}{_END}" if LETTER_OR_DIGIT.search(written) else ""


def _edges(numbers: Sequence[float]) -> list[float]:
    """Return the upper ends of quantiles, the last one infinite; none without numbers."""
    if not numbers:
        return []
    import numpy as np  # late: the command line only needs the names of fields

    shares = np.arange(1, _QUANTILES) / _QUANTILES
    ends = np.unique(np.quantile(numbers, shares, method="inverted_cdf"))
    return [*ends[ends < max(numbers)].tolist(), math.inf]


class Quantiles:
    r"""The quantiles of numbers that a vocabulary knows.

    Args:
        words: Sequence of the vocabulary's words.

    >>> words = Fields(("title",), numbers=("price",)).vocabulary(["\x1eprice=9.5\x1f A lamp"])
    >>> words, Quantiles(words).place("\x1eprice=12\x1f")
    (['\x1eprice<=inf\x1f'], 0)
    """

    def __init__(self, words: Sequence[str]) -> None:
        self._ends: dict[str, list[float]] = {}
        self._places: dict[str, list[int]] = {}
        for place, word in enumerate(words):
            if found := _QUANTILE.fullmatch(word):
                self._ends.setdefault(found[1], []).append(float(found[2]))
                self._places.setdefault(found[1], []).append(place)

    def place(self, word: str) -> int | None:
        """Return the place of a number's quantile among the words; None for other words."""
        name, _, value = word[1:-1].partition("=")
        if name not in self._ends:
            return None
        try:
            place = bisect_left(self._ends[name], float(value))
        except ValueError:
            return None
        places = self._places[name]
        return places[place] if place < len(places) else None  # in a vocabulary that was cut


def has_fields(text: str) -> bool:
    """Tell whether a text is composed, with words of fields."""
    return _BEGIN in text


def split_fields(text: str) -> tuple[list[str], str]:
    r"""Return the words of fields of a composed text, and the rest of it.

    >>> split_fields("\x1ebrand=Samsung\x1f A lamp")
    (['\x1ebrand=Samsung\x1f'], ' A lamp')
    """
    return (_FIELD.findall(text), _FIELD.sub("", text)) if has_fields(text) else ([], text)


def is_field(word: str) -> bool:
    """Tell whether a word is that of a field."""
    return word.startswith(_BEGIN)


def is_mark(word: str) -> bool:
    """Tell whether a word is the mark before a text."""
    return word.startswith(_BEGIN) and "=" not in word


def shown(text: str) -> str:
    r"""Return a composed text for people to read, with each character in its place.

    >>> shown("\x1ebrand=Samsung\x1f A lamp")
    '[brand:Samsung] A lamp'
    """
    return _FIELD.sub(lambda found: f"[{found[0][1:-1].replace('=', ':', 1)}]", text)


def shown_word(word: str) -> str:
    r"""Return a word of a composed text for people to read.

    >>> shown_word("\x1ebrand=Samsung\x1f"), shown_word("lamp")
    ('brand: Samsung', 'lamp')
    """
    return word[1:-1].replace("=", ": ", 1) if is_field(word) else word
