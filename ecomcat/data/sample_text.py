"""Write the product descriptions of the sample.

Every text holds what decides its category, though not always in its nouns. A plain text names
a product that only its category sells. An ambiguous one names a thing that all categories sell
(a mat, a bottle, a brush) and tells for whom. A wrapped one names another category's product
inside its own ("puzzle that shows a lawn mower"). A contrasting one names two kinds of users,
of which only the order of the words tells the right one ("for cats, not for runners").
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import TypeVar

from ecomcat.data.sample_words import Category, shared_words

_KINDS = ("plain", "ambiguous", "wrapped", "contrast")
# Tuned with the chances below until TF-IDF of words and word pairs with a linear SVC was right
# on about 97 % of clean rows: a sequence model has the contrasts to gain.
_KIND_WEIGHTS = (0.50, 0.26, 0.15, 0.09)
_USER_CHANCE = 0.75
_DETAIL_CHANCE = 0.75
_ASIDE_CHANCE = 0.12

_Item = TypeVar("_Item")


class Draw:
    """Random choices that rest on `random()` alone, whose sequence Python promises to keep.

    Args:
        seed: seed of the sequence.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed).random

    def chance(self, probability: float) -> bool:
        """Return true with the given probability."""
        return self._random() < probability

    def below(self, limit: int) -> int:
        """Return a whole number from 0 to below the limit, each as often."""
        return int(limit * self._random())

    def pick(self, items: Sequence[_Item]) -> _Item:
        """Return one of the items, each as often."""
        return items[self.below(len(items))]

    def pick_common(self, items: Sequence[_Item]) -> _Item:
        """Return one of the items, the first ones far more often, as words are in real text."""
        # A product of two floats is the same on every platform; a power need not be.
        fraction = self._random()
        return items[int(len(items) * (fraction * fraction))]

    def weighted(self, items: Sequence[_Item], weights: Sequence[float]) -> _Item:
        """Return one of the items, each as often as its weight says."""
        rest = self._random() * math.fsum(weights)
        for item, weight in zip(items, weights, strict=True):
            rest -= weight
            if rest < 0:
                return item
        return items[-1]

    def shuffled(self, items: Sequence[_Item]) -> list[_Item]:
        """Return the items in random order."""
        keys = [self._random() for _ in items]
        return [items[position] for position in sorted(range(len(items)), key=keys.__getitem__)]


class Copywriter:
    """Write product descriptions.

    Args:
        draw: where all its choices come from.
        categories: all categories of the sample.
    """

    def __init__(self, draw: Draw, categories: Sequence[Category]) -> None:
        self._draw = draw
        self._categories = categories
        self._shared = shared_words()

    def write(self, category: Category) -> str:
        """Return a description of a product of the category, 5 to 60 words long.

        Args:
            category: one of the categories of the sample.
        """
        draw = self._draw
        kind = draw.weighted(_KINDS, _KIND_WEIGHTS)
        slots = self._slots(category)
        sentences = []
        if kind == "contrast":
            sentences.append(self._one("contrast"))
        elif kind == "ambiguous" or draw.chance(_USER_CHANCE):
            sentences.append(self._one("positive"))
        while len(sentences) < 3 and draw.chance(_DETAIL_CHANCE):
            sentences.append(draw.pick_common(category.details))
        if kind != "contrast" and draw.chance(_ASIDE_CHANCE):
            sentences.append(self._one("aside"))
        title = self._title(self._product(kind, category))
        filled = [part.format(**slots) for part in self._filled([title, *sentences])]
        return self._layout(filled[0], draw.shuffled(filled[1:]))

    def _slots(self, category: Category) -> dict[str, str]:
        """Fill the places that the sentences of one text may hold."""
        draw = self._draw
        rivals = [rival for rival in self._categories if rival is not category]
        # By their shares: else a rare pair of users would point to the larger category.
        rival = draw.weighted(rivals, [each.share for each in rivals])
        return {
            "own": draw.pick_common(category.users),
            "other": draw.pick_common(rival.users),
            "thing": _with_article(draw.pick_common(rival.products)),
            "material": self._one("materials"),
            "colour": self._one("colours"),
        }

    def _product(self, kind: str, category: Category) -> str:
        """Name what is sold, as the kind of text wants it."""
        if kind == "plain":
            return self._draw.pick_common(category.products)
        if kind == "wrapped":
            return self._draw.pick(category.heads)
        return self._one("nouns")

    def _title(self, product: str) -> str:
        """Put a brand and an adjective before the product, and a property or two behind it."""
        draw = self._draw
        words = [self._one("adjectives"), product]
        if draw.chance(0.6):
            brand = "".join(self._one("syllables") for _ in range(2 + draw.chance(0.5)))
            words.insert(0, brand.capitalize())
        properties = draw.shuffled(("{material}", "{colour}", self._one("sizes")))
        return ", ".join([" ".join(words), *properties[: 1 + draw.chance(0.3)]])

    def _filled(self, parts: list[str]) -> list[str]:
        """Append what every shop says until the text is as long as drawn."""
        target_words = 6 + self._draw.below(30)
        parts = list(dict.fromkeys(parts))
        while sum(len(part.split()) for part in parts) < target_words:
            offer = self._one("offers")
            if offer not in parts:
                parts.append(offer)
        return parts

    def _layout(self, title: str, sentences: list[str]) -> str:
        """Join title and sentences in one of the ways in which shops do."""
        style = self._draw.weighted(("sentences", "dashes", "capitals"), (0.7, 0.2, 0.1))
        if style == "dashes":
            return " - ".join([title, *sentences])
        if style == "capitals":
            title = title.upper()
        return " ".join(f"{part[0].upper()}{part[1:]}." for part in [title, *sentences])

    def _one(self, name: str) -> str:
        """Pick from a shared list."""
        return self._draw.pick_common(self._shared[name])


def _with_article(product: str) -> str:
    """Put the article before a product's name, unless it is a plural."""
    if product.endswith("s") and not product.endswith("ss"):
        return product
    return f"{'an' if product[0] in 'aeiou' else 'a'} {product}"
