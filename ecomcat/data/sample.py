"""Product texts that the project makes up itself: for work offline, for tests and examples."""

from __future__ import annotations

import random
from collections.abc import Sequence
from operator import itemgetter
from typing import NamedTuple

from ecomcat.data.cleaning import normalized_key

_MIN_CLASS_ROWS = 15  # distinct texts of the rarest category
_REPEATED = 0.09
_CONTRASTING, _ASIDE = 0.1, 0.25  # of texts name another category's user, or product
_ONE_LEVEL, _TWO_LEVELS, _GROUPS = 6, 120, 20  # categories at most; groups of a department
_CONSONANTS, _VOWELS = "bdfghklmnprstvwz", "aeiou"

# Of each department its name, its products and their users, the commonest first.
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
toddlers; children; birthday parties; pretend play; young builders; the playroom; family days
Office Supplies
stapler; ring binder; fountain pen; whiteboard; hole punch; notebook; laminator; label maker
the desk; meetings; accountants; invoices; the reception; lecture notes; printers; clerks
Car Accessories
dash camera; roof box; tyre inflator; tow rope; boot liner; wiper blade; hub cap; jump starter
the car; drivers; the boot; the windscreen; vans; caravans; the back seat; motorway trips
"""
# Words of every category: nouns, adjectives, properties, and sentences of all shops.
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


_Category = tuple[str, list[str], list[str]]  # label, products, users


class SampleRow(NamedTuple):
    """A row: its label as written, its text, and the category for which the text was written."""

    label: str
    text: str
    true_label: str


def generate_sample(
    rows: int = 4000, label_noise: float = 0.03, seed: int = 1, categories: int = 6
) -> list[SampleRow]:
    """Make up product texts and their categories; the same arguments give the same rows.

    Of the rows, 9 % repeat an earlier one: half of them exactly, half in other letter case or
    punctuation. The first categories are the largest, in a long tail. Beyond 6 categories labels
    are paths such as `"Pet Supplies > Baba"`, of three levels beyond 120.

    Args:
        rows: Integer. Number of rows, repeats included; at least 20 for each category.
        label_noise: Float from 0 to 0.5. Share of the distinct rows that get a wrong label.
        seed: Integer. Seed of the texts and of what is wrong.
        categories: Integer. Number of categories, at least 2.

    >>> sorted({row.label for row in generate_sample(200)})[:2]
    ['Car Accessories', 'Garden & Outdoor']
    """
    draw, everything = random.Random(seed), [_category(n, categories) for n in range(categories)]
    repeats = round(rows * _REPEATED)
    distinct: dict[str, SampleRow] = {}
    for category, count in zip(everything, _counts(categories, rows - repeats), strict=True):
        wanted = len(distinct) + count
        while len(distinct) < wanted:
            text = _text(draw, category, everything)
            distinct.setdefault(normalized_key(text), SampleRow(category[0], text, category[0]))
    mixed = draw.sample(list(distinct.values()), len(distinct))
    return _with_repeats(draw, _mislabelled(mixed, everything, label_noise, seed), repeats)


def _category(number: int, categories: int) -> _Category:
    lines = _DEPARTMENTS.strip().splitlines()
    departments = len(lines) // 3
    first = 3 * (number % departments)
    name, things, users = lines[first], lines[first + 1].split("; "), lines[first + 2].split("; ")
    if categories > _ONE_LEVEL:
        # A leaf's products are the department's with names that no other leaf has.
        things = [f"{_word(10_000 + 8 * number + n)} {thing}" for n, thing in enumerate(things)]
        group = number // departments % _GROUPS
        levels = [group] * (categories > _TWO_LEVELS) + [100 + number]
        name = " > ".join([name, *(_word(level).capitalize() for level in levels)])
    return name, things, users


def _word(number: int) -> str:
    """Return a word that stands for a number and for no other."""
    syllables: list[str] = []
    while number or len(syllables) < 2:
        number, syllable = divmod(number, len(_CONSONANTS) * len(_VOWELS))
        consonant, vowel = divmod(syllable, len(_VOWELS))
        syllables.append(_CONSONANTS[consonant] + _VOWELS[vowel])
    return "".join(syllables)


def _counts(categories: int, rows: int) -> list[int]:
    """Return how many rows each category has: each the least, and of the rest a share 1 / rank."""
    shares = [1 / (rank + 1.25) for rank in range(categories)]
    rest = rows - _MIN_CLASS_ROWS * categories
    counts = [_MIN_CLASS_ROWS + int(rest * share / sum(shares)) for share in shares]
    counts[0] += rows - sum(counts)
    return counts


def _text(draw: random.Random, category: _Category, everything: Sequence[_Category]) -> str:
    (_, products, own), (_, others, other) = category, draw.choice(everything)
    while other == own:
        _, others, other = draw.choice(everything)
    product, sentence = _common(draw, products), draw.choice(_OWN)
    if len(everything) <= _ONE_LEVEL and draw.random() < _CONTRASTING:
        # The product says nothing, and of the two users the order of words tells which counts.
        product, sentence = _common(draw, _NOUNS), draw.choice(_CONTRASTS)
    title = [f"{_word(draw.randrange(100))} {_common(draw, _ADJECTIVES)} {product}"]
    title += draw.sample([_common(draw, words) for words in (_COLOURS, _MATERIALS, _SIZES)], 2)
    parts = [sentence.format(own=_common(draw, own), other=_common(draw, other))]
    if draw.random() < _ASIDE:
        parts.append(f"customers also bought {_common(draw, others)}")
    parts += draw.sample(_OFFERS, draw.randrange(1, 5))
    return ". ".join([", ".join(title), *draw.sample(parts, len(parts))]) + "."


def _common(draw: random.Random, items: Sequence[str]) -> str:
    """Return one of the items, the first ones far more often, as words are in real text."""
    return items[int(len(items) * draw.random() ** 2)]


def _mislabelled(
    rows: Sequence[SampleRow], everything: Sequence[_Category], label_noise: float, seed: int
) -> list[SampleRow]:
    """Give a share of the rows another category's label; texts and order do not depend on it."""
    draw, result = random.Random(f"labels {seed}"), list(rows)
    for place in draw.sample(range(len(rows)), round(len(rows) * label_noise)):
        while result[place].label == rows[place].label:
            result[place] = rows[place]._replace(label=draw.choice(everything)[0])
    return result


def _with_repeats(
    draw: random.Random, distinct: Sequence[SampleRow], repeats: int
) -> list[SampleRow]:
    """Spread repeats over the rows, each somewhere behind the row that it repeats."""
    placed = [(float(place), row) for place, row in enumerate(distinct)]
    for number in range(repeats):
        place = draw.randrange(len(distinct))
        row = distinct[place]
        text = row.text if number % 2 else f"  {row.text.swapcase()}!!"
        placed.append((draw.uniform(place, len(distinct)), row._replace(text=text)))
    return [row for _, row in sorted(placed, key=itemgetter(0))]
