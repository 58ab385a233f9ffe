"""Remove what would falsify figures: empty rows, repeats and contradicting labels."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ecomcat.console import counted, step
from ecomcat.data.header import LABEL as LABEL
from ecomcat.data.header import SPLIT as SPLIT
from ecomcat.data.header import TEXT as TEXT
from ecomcat.errors import name_five
from ecomcat.text.bounds import MAX_CHARACTERS, bounded, without_long_runs
from ecomcat.text.fields import LETTER_OR_DIGIT, WHOLE_NUMBER, split_fields

if TYPE_CHECKING:
    import pandas as pd

DIGEST = "digest"
PARTS = ("train", "validation", "test")
"""Parts of a split. A text that is in several belongs to the last of them."""
# In labels: non-breaking spaces become spaces, and characters without width are removed.
_LABEL_CHARACTERS = {0xA0: " ", 0x202F: " ", 0xAD: None, 0x200B: None, 0x2060: None, 0xFEFF: None}


class _LettersAndDigits(dict[int, str | None]):
    """Map code points for `str.translate`: keep letters, marks and digits, remove all others."""

    def __missing__(self, code: int) -> str | None:
        character = chr(code)
        self[code] = mapped = character if unicodedata.category(character)[0] in "LMN" else None
        return mapped


def normalized_key(text: str, table: _LettersAndDigits | None = None) -> str:
    """Return a key that is equal for texts that count as the same.

    Texts agree after NFKC, casefolding, and keeping letters, marks and digits only. Marks
    stay because Hindi vowel signs, among others, are marks. The fields of composed texts have to
    agree, too. `table` can be reused.

    >>> normalized_key("Red Shirt, size M!")
    'redshirtsizem'
    """
    fields, rest = split_fields(folded(text))
    return "".join(fields) + rest.translate(_LettersAndDigits() if table is None else table)


def folded(text: str) -> str:
    """Return the part of a text that is read, in NFKC and case folded."""
    once = unicodedata.normalize("NFKC", bounded(text))
    return unicodedata.normalize("NFKC", once.casefold())


def has_words(text: str) -> bool:
    """Tell whether a text has a letter, mark or digit, as its `normalized_key` keeps them."""
    # Nearly every text has a letter or digit, which is found at once.
    return bool(LETTER_OR_DIGIT.search(text, 0, MAX_CHARACTERS) or normalized_key(text))


def key_digest(key: str) -> bytes:
    """Return 8 bytes, a hash of a key: what an exported model stores of its rows."""
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def clean_label(label: str) -> str:
    r"""Return a label's name without differences that cannot be seen.

    Composed and decomposed letters are the same, and so are all kinds of spaces; characters
    without a width and spaces at the ends are removed. Lone surrogates, which cannot be written
    to a file, become question marks.

    >>> clean_label(" Cafe\u0301\u00a0Books\ufeff")
    'Café Books'
    """
    whole = without_long_runs(label).encode("utf-8", "replace").decode("utf-8")
    return unicodedata.normalize("NFC", whole.translate(_LABEL_CHARACTERS)).strip()


def named(counts: Mapping[str, int]) -> str:
    """List classes with their counts: five of them, and how many more there are.

    >>> named({"Books": 9, "Toys": 1})
    "'Books' (9), 'Toys' (1)"
    """
    return name_five(f"{quoted(name)} ({count})" for name, count in counts.items())


def quoted(name: str) -> str:
    """Return a name in quotes, with characters that cannot be seen as escapes."""
    shown = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
    return f"'{''.join(shown)}'"


def look_alikes(names: Iterable[str]) -> list[list[str]]:
    """Return groups of class names that may mean the same.

    They differ only in case, spaces, invisible characters or a number's `.0`.

    >>> look_alikes(["Books", "BOOKS", "1", "1.0", "Toys"])
    [['1', '1.0'], ['BOOKS', 'Books']]
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        visible = "".join(c for c in folded(name) if unicodedata.category(c) != "Cf")
        spaced = " ".join(visible.split())
        number = WHOLE_NUMBER.fullmatch(spaced)
        groups[number[1] if number else spaced].append(name)
    return [group for group in groups.values() if len(group) > 1]


@dataclass
class CleaningReport:
    """Counts of what cleaning found and dropped."""

    rows_read: int = 0
    empty_texts: int = 0
    empty_labels: int = 0
    duplicates_removed: int = 0
    conflicting_texts: int = 0  # texts with more than one label
    conflicting_texts_dropped: int = 0  # those of them without a majority
    conflicts_of_symbols: int = 0  # those of them whose labels differ by the symbols in the text
    shared_texts: dict[str, int] = field(default_factory=dict)  # of a part, left to a later one
    rare_classes_dropped: dict[str, int] = field(default_factory=dict)
    rare_classes_merged: dict[str, int] = field(default_factory=dict)  # into those above


@dataclass(frozen=True)
class CleanRows:
    """Distinct texts with their labels, ordered by the digest of their keys.

    The order does not depend on the file's, so neither does a split drawn from it.

    Args:
        frame: DataFrame with the columns `text`, `label`, `digest`, 8 bytes per text, and `split`,
            the number of the part that the text is given for, 0 where none is.
        usable: DataFrame of the same and any further columns, with all rows that have a text and
            a label, in the file's order.
        report: Counts of what was found and dropped.
        classes_read: Dictionary of the rows read of each class, whether or not any is left.
        only_train_counts: Boolean. Whether a class needs enough texts in train, from which a part
            is drawn, and not in all parts together. Defaults to False.
    """

    frame: pd.DataFrame
    usable: pd.DataFrame
    report: CleaningReport
    classes_read: dict[str, int]
    only_train_counts: bool = False

    @property
    def texts(self) -> list[str]:
        """The distinct texts, each in the spelling that came first."""
        return list(self.frame[TEXT])

    @property
    def labels(self) -> list[str]:
        """The label of each text."""
        return list(self.frame[LABEL])

    @property
    def digests(self) -> list[bytes]:
        """The digest of each text's key."""
        return list(self.frame[DIGEST])

    def class_sizes(self, *, of_train: bool = False) -> dict[str, int]:
        """Return the distinct texts of each class that was read, 0 where none is left."""
        counted = self.frame[self.frame[SPLIT] == 0] if of_train else self.frame
        found = counted[LABEL].value_counts()
        return {name: int(found.get(name, 0)) for name in sorted(self.classes_read)}

    def warnings(self) -> Iterator[str]:
        """Yield a sentence for each thing that a person should check."""
        if groups := look_alikes(self.classes_read):
            pairs = (
                " and ".join(f"{quoted(name)} ({self.classes_read[name]})" for name in group)
                for group in groups
            )
            yield (
                f"Labels that look alike are different classes: {name_five(pairs)}. Write them in "
                "one way if they mean the same."
            )
        if self.report.conflicts_of_symbols:
            yield (
                f"{self.report.conflicts_of_symbols} texts have several labels and differ only in "
                "symbols, such as emoji, which are not read."
            )


def labelled_frame(
    texts: Sequence[str], labels: Sequence[str], **further: Sequence[str]
) -> pd.DataFrame:
    """Return a table of texts, labels and further columns, as `clean_rows` takes it."""
    import pandas as pd

    # As objects: Arrow's strings cannot hold the lone surrogates that some files have.
    return pd.DataFrame({TEXT: texts, LABEL: labels, **further}, dtype=object)


def clean_rows(rows: pd.DataFrame) -> CleanRows:
    """Drop empty rows and keep each distinct text once.

    A text with several labels gets the label of most of its rows; on a tie it is dropped. A text
    in several parts belongs to the last of them, and only its rows there count.

    Args:
        rows: DataFrame with the columns `text` and `label`, and `split` where the user gives
            parts, in the file's order.
    """
    keys = _keys_of(rows[TEXT])
    names = {label: clean_label(label) for label in rows[LABEL].unique()}
    labels = rows[LABEL].map(names.__getitem__)
    usable = rows.assign(**{LABEL: labels, DIGEST: keys.map(key_digest), SPLIT: rows.get(SPLIT, 0)})
    usable = usable[(keys != "") & (labels != "")]
    counted, shared_texts = _of_last_parts(usable) if SPLIT in rows else (usable, {})
    votes = counted.groupby([DIGEST, LABEL], as_index=False).size()
    most = votes.groupby(DIGEST)["size"].transform("max")
    elected = votes[votes["size"] == most].drop_duplicates(DIGEST, keep=False)
    firsts = counted.drop_duplicates(DIGEST).set_index(DIGEST)
    frame = firsts.loc[elected[DIGEST], [TEXT, LABEL, SPLIT]].reset_index()
    frame[LABEL] = elected[LABEL].to_numpy()
    several = votes[DIGEST][votes[DIGEST].duplicated()].unique()
    report = CleaningReport(
        rows_read=len(rows),
        empty_texts=int((keys == "").sum()),
        empty_labels=int(((keys != "") & (labels == "")).sum()),
        duplicates_removed=len(counted) - len(firsts),
        conflicting_texts=len(several),
        conflicting_texts_dropped=len(firsts) - len(frame),
        conflicts_of_symbols=_conflicts_of_symbols(counted[counted[DIGEST].isin(several)]),
        shared_texts=shared_texts,
    )
    read = dict(Counter(labels[labels != ""]))
    return CleanRows(frame, usable, report, read)


def _keys_of(texts: pd.Series[str]) -> pd.Series[str]:
    import pandas as pd

    table = _LettersAndDigits()
    with step("Comparing texts", total=len(texts), in_log=False) as advance:
        keys = [normalized_key(text, table) for text in counted(texts, advance)]
    return pd.Series(keys, texts.index, dtype=object)


def _of_last_parts(rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the rows of the last part of each text, and count the texts of the others by part."""
    last = rows[SPLIT] == rows.groupby(DIGEST)[SPLIT].transform("max")
    others = rows[~last].drop_duplicates([DIGEST, SPLIT])
    return rows[last], part_counts(others[SPLIT])


def part_counts(parts: pd.Series[int]) -> dict[str, int]:
    """Count numbers of parts by their names, those of test left out.

    >>> import pandas as pd
    >>> part_counts(pd.Series([0, 0, 1]))
    {'train': 2, 'validation': 1}
    """
    return {PARTS[part]: int((parts == part).sum()) for part in (0, 1)}


def _conflicts_of_symbols(rows: pd.DataFrame) -> int:
    """Count texts with several labels where each spelling, symbols included, has one label."""
    spelt = rows[TEXT].map(lambda text: key_digest("".join(folded(text).split())))
    labels = rows.groupby([rows[DIGEST], spelt])[LABEL].nunique()
    return int((labels.groupby(level=0).max() == 1).sum())
