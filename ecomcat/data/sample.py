"""Generated product texts: for work offline, for tests and examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SEPARATOR = " > "  # between the levels of a label
_MIN_CLASS_ROWS = 15  # distinct texts of the rarest category
_REPEATED = 0.09
_CONTRASTING, _ASIDE = 0.1, 0.25  # share of texts that name another category's user, or product
_ONE_LEVEL, _TWO_LEVELS = 6, 120  # categories at most
_OWN_PRODUCTS = 6  # of the 8 products of a leaf of a taxonomy; its siblings share the others
_OF_SIBLINGS = 0.8  # share of brands that only siblings have, and of wrong labels of a sibling
_SHORTER = 5  # one in so many leaves ends a level earlier
_BRANDS, _GROUP_BRANDS, _OFFER_LISTS = 100, 5, 500
_TEXTS_AT_A_TIME = 1 << 17
# Each range has its own numbers of words.
_LEVELS_FROM, _PRODUCTS_FROM, _SHARED_FROM, _BRANDS_FROM = 100, 10**6, 2 * 10**7, 3 * 10**7
_CONSONANTS, _VOWELS = "bdfghklmnprstvwz", "aeiou"

# For each department its name, its products and their users, the most common first.
_DEPARTMENTS = """
Pet Supplies
dog collar; cat litter; chew bone; leash; bird cage; fish tank; flea comb; hamster wheel
dogs; cats; puppies; kittens; rabbits; parrots; older animals; the kennel
Sports & Fitness
dumbbell; yoga block; tennis racket; kettlebell; skipping rope; football; wetsuit; helmet
runners; the gym; cyclists; swimmers; goalkeepers; hikers; climbers; team training
Garden & Outdoor
flower pot; lawn mower; trowel; parasol; compost bin; rake; watering can; greenhouse
the patio; the lawn; roses; tomatoes; the pond; hedges; seedlings; the orchard
Toys, Games & Puzzles
jigsaw puzzle; doll house; board game; plush bear; kite; marble run; puppet; magic set
toddlers; children; birthday parties; pretend play; builders; the playroom; family days; rainy days
Office Supplies
stapler; ring binder; fountain pen; whiteboard; hole punch; notebook; laminator; label maker
the desk; meetings; accountants; invoices; the reception; lecture notes; printers; clerks
Car Accessories
dash camera; roof box; tyre inflator; tow rope; boot liner; wiper blade; hub cap; jump starter
the car; drivers; the boot; the windscreen; vans; caravans; the back seat; motorway trips
"""
# Words that all categories share: nouns, adjectives, properties, and sentences of all shops.
_NOUNS, _ADJECTIVES, _COLOURS, _MATERIALS, _SIZES, _OWN, _CONTRASTS, _OFFERS = (
    line.split("; ")
    for line in """
mat; bottle; brush; cover; stand; bag; holder; light; basket; rack; timer; tray; strap; box
foldable; premium; compact; washable; large; waterproof; durable; classic; small; soft; slim
black; blue; green; grey; red; white; orange; pink; beige; navy; turquoise; yellow; brown
plastic; nylon; stainless steel; silicone; cotton; rubber; bamboo; oak; felt; leather; cork
pack of 2; 30 x 45 cm; size M; set of 3; 1.5 l; 60 cm; pack of 10; 120 g; 750 ml; 3 kg; 2 m
ideal for {own}; made for {own}; perfect for {own}; designed with {own} in mind; great for {own}
for {own}, not for {other}; not for {other} but for {own}; fits {own} and never {other}
fast and free shipping; satisfaction guaranteed; easy to clean; a great gift; two year warranty; \
trusted by many customers; no tools needed; lasts for years; returns within 30 days; limited stock
""".strip().splitlines()
)

Numbers = NDArray[np.int64]


class SampleRow(NamedTuple):
    """A row: its label as written, its text, and the category for which the text was written."""

    label: str
    text: str
    true_label: str


def generate_sample(
    rows: int = 4000,
    label_noise: float = 0.03,
    seed: int = 1,
    categories: int = 6,
    depth: int | None = None,
) -> list[SampleRow]:
    """Make up product texts and their categories; the same arguments give the same rows.

    9 % of the rows repeat an earlier one: half of them exactly, half in other letter case or
    punctuation. The first categories are the largest, in a long tail (Zipf's law). Labels of
    several levels are paths such as `"Pet Supplies > Baba"`: leaves of one node share brands and
    some of their words, and most wrong labels are those of a sibling.

    Args:
        rows: Integer. Number of rows, repeats included; at least 20 for each category.
        label_noise: Float from 0 to 0.5. Share of the distinct rows that get a wrong label.
        seed: Integer. Seed of the texts and of the wrong labels.
        categories: Integer. Number of categories, at least 2.
        depth: Integer. Levels of the longest path. Defaults to None: 1 for up to 6 categories,
            the most that one level can have, 2 for up to 120, 3 for more.

    >>> sorted({row.label for row in generate_sample(200)})[:2]
    ['Car Accessories', 'Garden & Outdoor']
    """
    catalogue = _Catalogue(categories, depth or 1 + (categories > 6) + (categories > 120))
    random, repeats = np.random.default_rng(seed), round(rows * _REPEATED)
    counts = _counts(categories, rows - repeats)
    label_ids = random.permutation(np.repeat(np.arange(categories), counts))
    texts = _distinct_texts(random, catalogue, label_ids)
    written = _mislabelled(np.random.default_rng([seed, 1]), catalogue, label_ids, label_noise)
    # Each repeat is somewhere after the row that it repeats.
    repeated = random.integers(len(texts), size=repeats)
    places = np.concatenate([np.arange(len(texts)), random.uniform(repeated, len(texts))])
    number = np.concatenate([np.arange(len(texts)), repeated])
    texts += [
        texts[row] if place % 2 else f"  {texts[row].swapcase()}!!"
        for place, row in enumerate(repeated.tolist())
    ]
    order = np.argsort(places, kind="stable")
    rows_of, labels = number[order], np.array(catalogue.labels, object)
    sampled = np.array(texts, object)[order]
    return list(map(SampleRow, labels[written[rows_of]], sampled, labels[label_ids[rows_of]]))


class _Catalogue:
    """Categories, and the words of their texts: arrays with one row per category."""

    def __init__(self, categories: int, depth: int) -> None:
        lines = [line.split("; ") for line in _DEPARTMENTS.strip().splitlines()]
        names, things, users = lines[0::3], lines[1::3], lines[2::3]
        self.departments, self.is_flat = min(len(names), categories), depth == 1
        numbers = np.arange(categories)
        self.department = numbers % self.departments
        width = 1
        while self.departments * width ** (depth - 1) < categories:
            width += 1
        paths = [_path(number // self.departments, depth, width) for number in numbers.tolist()]
        self.labels = [
            SEPARATOR.join([*names[place], *path])
            for place, path in zip(self.department.tolist(), paths, strict=True)
        ]
        parents = [label.rpartition(SEPARATOR)[0] for label in self.labels]
        self.parent = np.unique(parents, return_inverse=True)[1]
        self.users = np.array(users, object)
        self.products = np.array(
            [
                [self._product(number, place, thing) for place, thing in enumerate(things[of])]
                for number, of in enumerate(self.department.tolist())
            ],
            object,
        )
        brands = range(_BRANDS_FROM, _BRANDS_FROM + _GROUP_BRANDS * (self.parent.max() + 1))
        self.brands = np.array([*map(_word, brands)], object).reshape(-1, _GROUP_BRANDS)

    def _product(self, number: int, place: int, thing: str) -> str:
        if self.is_flat:
            return thing
        if place < _OWN_PRODUCTS:
            return f"{_word(_PRODUCTS_FROM + 8 * number + place)} {thing}"
        return f"{_word(_SHARED_FROM + 8 * int(self.parent[number]) + place)} {thing}"

    def others(self, random: np.random.Generator, label_ids: Numbers) -> Numbers:
        """Draw a category of another department for each text."""
        steps = random.integers(1, self.departments, size=len(label_ids))
        department = (self.department[label_ids] + steps) % self.departments
        leaves = np.bincount(self.department)[department]
        places = (random.random(len(label_ids)) * leaves).astype(np.int64)
        others: Numbers = department + self.departments * places
        return others


def _path(number: int, depth: int, width: int) -> list[str]:
    """Return the names of a leaf's levels below its department, with `width` nodes per node."""
    levels = [number // width**level % width for level in range(depth - 2)]
    if number % _SHORTER == _SHORTER - 1:
        levels = levels[:-1]
    named = [_LEVELS_FROM + level for level in levels]
    named += [_LEVELS_FROM + width + number] * (depth > 1)
    return [_word(each).capitalize() for each in named]


def _word(number: int) -> str:
    """Return a word that is different for each number."""
    syllables: list[str] = []
    while number or len(syllables) < 2:
        number, syllable = divmod(number, len(_CONSONANTS) * len(_VOWELS))
        consonant, vowel = divmod(syllable, len(_VOWELS))
        syllables.append(_CONSONANTS[consonant] + _VOWELS[vowel])
    return "".join(syllables)


def _counts(categories: int, rows: int) -> list[int]:
    """Return the rows of each category: the minimum, and a share of the rest by 1 / rank."""
    shares = [1 / (rank + 1.25) for rank in range(categories)]
    rest = rows - _MIN_CLASS_ROWS * categories
    counts = [_MIN_CLASS_ROWS + int(rest * share / sum(shares)) for share in shares]
    counts[0] += rows - sum(counts)
    return counts


def _distinct_texts(
    random: np.random.Generator, catalogue: _Catalogue, label_ids: Numbers
) -> list[str]:
    import pandas as pd

    texts: list[str] = []
    for first in range(0, len(label_ids), _TEXTS_AT_A_TIME):
        texts += _texts(random, catalogue, label_ids[first : first + _TEXTS_AT_A_TIME])
    while (repeated := np.flatnonzero(pd.Series(texts).duplicated())).size:
        others = _texts(random, catalogue, label_ids[repeated])
        for place, text in zip(repeated, others, strict=True):
            texts[place] = text
    return texts


class _Draw:
    """What chance gives to each of some texts."""

    def __init__(self, random: np.random.Generator, count: int) -> None:
        self.random, self.count = random, count

    def happens(self, share: float) -> NDArray[np.bool_]:
        return self.random.random(self.count) < share

    def common(self, words: Any, rows: Any = None) -> NDArray[Any]:
        """Return a word for each text; the first words are far more frequent, as in real texts."""
        table = np.array(words, object)
        places = (table.shape[-1] * self.random.random(self.count) ** 2).astype(np.int64)
        found: NDArray[Any] = table[places] if rows is None else table[rows, places]
        return found

    def any_of(self, words: Sequence[str]) -> NDArray[Any]:
        return self.random.choice(np.array(words, object), self.count)

    def shuffled(self, columns: Sequence[Any]) -> list[list[str]]:
        """Return the words of each text in random order."""
        table = np.array(columns, object).T
        order = self.random.random(table.shape).argsort(axis=1)
        rows: list[list[str]] = np.take_along_axis(table, order, axis=1).tolist()
        return rows


def _texts(random: np.random.Generator, catalogue: _Catalogue, label_ids: Numbers) -> list[str]:
    draw, others = _Draw(random, len(label_ids)), catalogue.others(random, label_ids)
    brands, products, sentences = _telling_words(draw, catalogue, label_ids)
    own = draw.common(catalogue.users, catalogue.department[label_ids])
    other = draw.common(catalogue.users, catalogue.department[others])
    asides = "customers also bought " + draw.common(catalogue.products, others)
    asides[~draw.happens(_ASIDE)] = ""
    traits = draw.shuffled([draw.common(words) for words in (_COLOURS, _MATERIALS, _SIZES)])
    written = zip(sentences, own, other, strict=True)
    wholes = [sentence.format(own=a, other=b) for sentence, a, b in written]
    parts = draw.shuffled([wholes, asides, _offers(draw)])
    rows = zip(brands, draw.common(_ADJECTIVES), products, traits, parts, strict=True)
    return [
        f"{brand} {adjective} {thing}, {one}, {two}. {'. '.join(filter(None, tail))}."
        for brand, adjective, thing, (one, two, _), tail in rows
    ]


def _telling_words(
    draw: _Draw, catalogue: _Catalogue, label_ids: Numbers
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Draw the brand, the product and the sentence of each text, which tell its category."""
    product, sentence = draw.common(catalogue.products, label_ids), draw.any_of(_OWN)
    brand = draw.any_of([*map(_word, range(_BRANDS))])
    if catalogue.is_flat:
        # The product says nothing, and only the order of words tells which of two users counts.
        contrasting = draw.happens(_CONTRASTING)
        product = np.where(contrasting, draw.common(_NOUNS), product)
        sentence = np.where(contrasting, draw.any_of(_CONTRASTS), sentence)
    else:
        of_siblings = draw.common(catalogue.brands, catalogue.parent[label_ids])
        brand = np.where(draw.happens(_OF_SIBLINGS), of_siblings, brand)
    return brand, product, sentence


def _offers(draw: _Draw) -> NDArray[Any]:
    shuffled = (draw.random.permutation(_OFFERS) for _ in range(_OFFER_LISTS))
    return draw.any_of([". ".join(each[: draw.random.integers(1, 5)]) for each in shuffled])


def _mislabelled(
    random: np.random.Generator, catalogue: _Catalogue, label_ids: Numbers, label_noise: float
) -> Numbers:
    """Give a share of the rows another label, most often a sibling's."""
    rows = random.permutation(len(label_ids))[: round(len(label_ids) * label_noise)]
    true, written = label_ids[rows], label_ids.copy()
    categories = len(catalogue.labels)
    any_other = (true + random.integers(1, categories, size=len(rows))) % categories
    order = np.argsort(catalogue.parent, kind="stable")
    counts = np.bincount(catalogue.parent)
    starts = np.cumsum(counts) - counts
    parent, place = catalogue.parent[true], np.argsort(order)[true]
    steps = 1 + (random.random(len(rows)) * (counts[parent] - 1)).astype(np.int64)
    sibling = order[starts[parent] + (place - starts[parent] + steps) % counts[parent]]
    chosen = (random.random(len(rows)) < _OF_SIBLINGS) & (counts[parent] > 1)
    written[rows] = np.where(chosen, sibling, any_other)
    return written
