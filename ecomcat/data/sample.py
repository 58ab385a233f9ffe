"""The project's own data set: product descriptions that it generates, for work offline."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar


@dataclass(frozen=True)
class Category:
    """One category of the sample and the words that belong to it.

    Attributes:
        label: the category's name.
        share: its part of the rows; the shares of all categories add up to 1.
        products: things that only this category sells, singular, the commonest first.
        users: those, or the places, that a product is for, the commonest first.
        details: sentences that only this category's products deserve.
        heads: products that carry, show or copy another one, the `{thing}`.
    """

    label: str
    share: float
    products: tuple[str, ...]
    users: tuple[str, ...]
    details: tuple[str, ...]
    heads: tuple[str, ...]


def categories() -> tuple[Category, ...]:
    """Return the categories of the sample, the largest first."""
    return tuple(
        Category(label, share, *(_items(words) for words in lists))
        for label, share, *lists in _CATEGORIES
    )


def shared_words() -> dict[str, tuple[str, ...]]:
    """Return the lists that all categories draw on, by name.

    In sentences, which have no full stop, `{own}` is a user of the row's category, `{other}`
    one of another category, and `{thing}` a product of that category with its article.
    """
    return {name: _items(words) for name, words in _SHARED.items()}


def _items(words: str) -> tuple[str, ...]:
    """Split a list at its semicolons, whatever the line breaks."""
    return tuple(" ".join(item.split()) for item in words.split(";"))


_CATEGORIES = (
    (
        "Pet Supplies",
        0.30,
        """dog collar; cat litter box; chew bone; scratching post; leash; bird cage; fish tank
        filter; kibble scoop; catnip mouse; flea comb; hamster wheel; puppy crate; muzzle; cat
        tunnel; perch; rabbit hutch; aquarium heater; slow feeder; pooper scooper; grooming mitt;
        terrarium; hay feeder; training clicker; cuttlebone""",
        """dogs; cats; puppies; kittens; rabbits; older dogs; the aquarium; parrots; hamsters;
        large breeds; the kennel; guinea pigs; an anxious terrier; tortoises; the cattery;
        budgies; ferrets; a moulting spaniel""",
        """keeps fur off the sofa; calms nervous animals during storms; no barking at the vet any
        more; gentle on paws and whiskers; the vet recommends it for sensitive coats; hides the
        smell of litter; stops pulling on walks; tough enough for strong jaws; treats fit inside;
        easy to hose down after muddy paws; keeps claws short; feathers and seed stay inside""",
        """squeaky chew shaped like {thing}; dog coat printed with {thing}; cat bed that looks
        like {thing}; feeding bowl painted with {thing}; fetch toy in the form of {thing}; kennel
        door plate with {thing}""",
    ),
    (
        "Sports & Fitness",
        0.23,
        """yoga block; dumbbell; skipping rope; tennis racket; foam roller; kettlebell; running
        belt; football; swimming goggles; boxing glove; resistance band; bicycle helmet; shin
        guard; pull-up bar; badminton set; hiking pole; sweatband; climbing harness; medicine
        ball; hockey stick; wetsuit; shuttlecock; rowing machine; archery target""",
        """runners; the gym; cyclists; yoga classes; swimmers; weightlifters; goalkeepers;
        hikers; tennis players; the boxing ring; team training; climbers; rowers; marathon days;
        skaters; physiotherapy; gymnasts; the dojo""",
        """supports joints during squats; wicks sweat away; built for daily workouts; holds its
        grip with damp palms; helps you warm up before a match; adds resistance in small steps;
        coaches use it for drills; light enough for race day; improves balance and posture;
        tested by club athletes; absorbs the shock of hard landings; burns calories in short
        sessions""",
        """gym bag with a pocket for {thing}; jersey with a picture of {thing}; swim cap printed
        with {thing}; trophy in the form of {thing}; skateboard deck painted with {thing};
        finisher medal shaped like {thing}""",
    ),
    (
        "Garden & Outdoor",
        0.19,
        """watering can; lawn mower; flower pot; hedge trimmer; garden hose; trowel; bird bath;
        compost bin; parasol; wheelbarrow; fire pit; greenhouse; pruning shears; rake; trellis;
        barbecue grill; sprinkler; leaf blower; hammock; seed tray; rain barrel; cold frame; bug
        zapper; weeding fork""",
        """the patio; the lawn; roses; the vegetable bed; tomatoes; the pond; the terrace;
        hedges; balcony plants; the greenhouse; the orchard; herbs; the allotment; seedlings;
        fruit trees; the compost heap; a gravel path; dahlias""",
        """keeps slugs away; saves water in dry summers; roots get air from below; frost does not
        crack it; cuts branches cleanly; turns weeds into mulch; drains well after heavy showers;
        anchors firmly in loose soil; helps bulbs through the winter; reaches the far flower
        border; feeds the soil slowly; shades young shoots at noon""",
        """garden ornament shaped like {thing}; plant label set with {thing}; weather vane in the
        form of {thing}; patio lantern cut like {thing}; shed that has room for {thing}; planter
        painted with {thing}""",
    ),
    (
        "Toys, Games & Puzzles",
        0.14,
        """jigsaw puzzle; board game; doll house; building blocks set; wooden train; plush bear;
        marble run; card game; toy kitchen; spinning top; kite; rocking horse; puppet; magic set;
        chess board; water pistol; slot car track; memory game; clay modelling kit; domino set;
        stacking cups; yo-yo; tea party set; brain teaser cube""",
        """toddlers; children; family game night; birthday parties; the playroom; pretend play;
        curious girls and boys; young builders; kindergarten; puzzle fans; three-year-olds; the
        toy chest; little explorers; grandchildren; dolls; rainy afternoons indoors; role play;
        collectors of figures""",
        """teaches counting and colours; two to six players; rules explained in five minutes;
        small hands hold it easily; no piece is small enough to swallow; sparks imagination;
        winner takes all the tokens; snaps together without glue; comes with dice and a score
        pad; a hit at every sleepover; develops fine motor skills; stickers and a storybook
        included""",
        """toy version of {thing}; puzzle that shows {thing}; wooden model of {thing}; play set
        with {thing}; soft doll holding {thing}; quiz cards about {thing}""",
    ),
    (
        "Office Supplies",
        0.08,
        """stapler; ring binder; desk lamp; fountain pen; sticky notes; paper shredder;
        whiteboard; filing cabinet; hole punch; label maker; notebook; envelope pack; tape
        dispenser; laminator; wall planner; ink cartridge; letter opener; rubber stamp;
        highlighter; index card box; paper trimmer; clipboard; bookend; correction tape roll""",
        """the desk; meetings; the reception; accountants; invoices; the filing room; open-plan
        offices; secretaries; conference tables; the home office; printers; lecture notes;
        presentations; tax papers; the mail room; clerks; drafts and contracts; the archive""",
        """holds two hundred sheets; keeps documents flat; ink dries without smearing; fits A4
        and letter paper; sorts the post by department; refills come in every stationery shop;
        leaves no marks on paper; ends the clutter beside the keyboard; punches four holes at
        once; dates and signatures stay readable; pages turn without tearing; cuts card without
        fraying""",
        """sticky notes shaped like {thing}; desk calendar with {thing}; paperweight in the form
        of {thing}; pencil case printed with {thing}; mouse pad that shows {thing}; notebook with
        {thing} on the front""",
    ),
    (
        "Car Accessories",
        0.06,
        """dash camera; steering wheel cover; jump starter; roof box; tyre inflator; windscreen
        shade; seat belt pad; tow rope; boot liner; wiper blade; number plate frame; hub cap;
        snow chain; headlight bulb; parking sensor; fuel can; cup holder insert; trailer plug;
        engine degreaser; mud flap; ice scraper; gear knob; tyre gauge; air freshener""",
        """the car; the boot; drivers; the dashboard; the windscreen; vans; the back seat; long
        motorway trips; the glove compartment; caravans; tyres; the number plate; estate cars;
        commuters in traffic; the tow bar; the headrest; alloy wheels; pick-up trucks""",
        """plugs into the 12 V socket; fits most makes and models; does not block the airbag; no
        drilling into the bodywork; keeps the mirror free of glare; stays put when you brake
        hard; protects the paint from road salt; approved for road use; starts flat batteries;
        mounts on the tailgate; shows the pressure in bar and psi; hides valuables from thieves""",
        """bumper sticker with {thing}; air freshener shaped like {thing}; boot box to carry
        {thing}; seat cover printed with {thing}; key ring for the ignition with {thing}; roof
        bag sized for {thing}""",
    ),
)

_SHARED = {
    "nouns": """mat; bottle; brush; cover; stand; bag; holder; light; basket; cushion; net; rack;
        pump; timer; tray; spray; towel; ramp; tent; strap; hook; organizer; blanket; clip; box;
        bowl; carrier; ladder; bell; shelf; fan; mirror; whistle; scale; bucket; sponge""",
    "adjectives": """foldable; portable; heavy-duty; premium; compact; adjustable; washable;
        large; non-slip; waterproof; lightweight; durable; classic; small; soft; extra strong;
        reusable; stackable; deluxe; multi-purpose; padded; rustproof; slim; handmade""",
    "colours": """black; blue; green; grey; red; white; orange; pink; beige; navy; turquoise;
        purple; yellow; brown""",
    "materials": """plastic; nylon; stainless steel; silicone; cotton; rubber; bamboo; aluminium;
        polyester; oak; felt; leather; mesh; cork""",
    "sizes": """pack of 2; 30 x 45 cm; size M; set of 3; 1.5 l; 60 cm; size L; pack of 10; 120 g;
        40 x 60 cm; 2 m long; one size; 750 ml; 25 x 25 x 10 cm; 3 kg; set of 12""",
    "syllables": "ve; no; ral; ti; mo; ka; lun; do; bre; xi; sta; far; pel; zu; gri; han; oa; wim",
    "offers": """fast and free shipping; satisfaction guaranteed or your money back; best quality
        at a fair price; easy to clean and to store; makes a great gift; two year warranty;
        trusted by thousands of happy customers; order today, delivered tomorrow; colour may
        differ slightly from the picture; please check the size before you buy; new and improved
        design; our support team answers within a day; packed without plastic; limited stock;
        made from {material}; also available in {colour}; sturdy {material}, {colour} finish;
        easy to carry and quick to set up; instructions included; no tools needed; strong seams
        and neat edges; lasts for years; read the reviews; buy two and save ten percent; safe
        materials, tested by an independent laboratory; returns within 30 days""",
    "positive": """ideal for {own}; made for {own}; perfect for {own}; great for {own}; designed
        with {own} in mind; the right choice for {own}; we recommend it for {own}; just what was
        missing for {own}; a proven favourite for {own}""",
    "contrast": """for {own}, not for {other}; not for {other} but for {own}; meant for {own},
        please do not use it for {other}; do not order it for {other}, it is only meant for
        {own}; looks as if made for {other}, yet it is sold for {own}; sold for {own} though it
        looks made for {other}; once made for {other}, now redesigned for {own}; now for {own},
        while the old model was for {other}; fits {own} and never {other}; never fits {other},
        always fits {own}; too weak for {other}, right for {own}; right for {own}, too weak for
        {other}""",
    "aside": """not suitable for {other}; stands nicely next to {thing}; customers also bought
        {thing}; replaces {thing}; smaller than {thing}; weighs less than {thing}; also seen with
        {other}; do not mix it up with {thing}; our range for {other} is sold separately""",
}


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
