"""Bounds on the part of a text that is read, so that no text takes long to normalise."""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import cache
from itertools import groupby

MAX_CHARACTERS = 100_000
"""Characters of a text that every command reads; the rest is ignored.

The same bound holds for its NFKC form, where some characters become many.
"""

_MAX_MARKS = 30
_MAX_BECOMES = 18  # characters that one of them becomes by NFKC: U+FDFA
_FIRST_MARK, _END_OF_MARKS = 0x300, 0x20000
_PERHAPS = re.compile(f"[{chr(_FIRST_MARK)}-{chr(sys.maxunicode)}]{{{_MAX_MARKS + 1}}}")
_JOINER = "\u034f"  # the combining grapheme joiner, which looks like nothing and joins no marks


def bounded(text: str) -> str:
    """Return the part of a text that is read: its beginning, without long runs of combining marks.

    Normalising sorts the marks that follow each other, in time that grows with the square of their
    number. So in a run of more than 30 each 31st becomes a joiner. Unicode's Stream-Safe Text
    Format inserts one (https://www.unicode.org/reports/tr15/#Stream_Safe_Text_Format); here it
    replaces a mark, so that every other character stays in its place.

    >>> bounded("Café")
    'Café'
    >>> len(bounded("e" + 200_000 * "\N{COMBINING ACUTE ACCENT}"))
    100000
    """
    beginning = text[:MAX_CHARACTERS]
    if beginning.isascii():
        return beginning
    beginning = without_long_runs(beginning)
    # Most texts are too short to become too long.
    while len(beginning) * _MAX_BECOMES > MAX_CHARACTERS:
        becomes = len(unicodedata.normalize("NFKC", beginning))
        if becomes <= MAX_CHARACTERS:
            break
        beginning = beginning[: MAX_CHARACTERS * len(beginning) // becomes]
    return beginning


def without_long_runs(text: str) -> str:
    """Return a text of any length without long runs of combining marks."""
    return _long_run().sub(rf"\1{_JOINER}", text) if _PERHAPS.search(text) else text


@cache
def _long_run() -> re.Pattern[str]:
    """Match the longest allowed run of marks, and the next one.

    A mark here is a character that has, or gets by NFKD, a combining class other than 0.
    """
    marks = filter(_is_mark, range(_FIRST_MARK, _END_OF_MARKS))
    runs = groupby(enumerate(marks), lambda each: each[1] - each[0])
    ranges = [[code for _, code in run] for _, run in runs]
    found = "".join(f"\\U{codes[0]:08x}-\\U{codes[-1]:08x}" for codes in ranges)
    return re.compile(f"([{found}]{{{_MAX_MARKS}}})[{found}]")


def _is_mark(code: int) -> bool:
    character = chr(code)
    if unicodedata.decomposition(character):
        character = unicodedata.normalize("NFKD", character)[0]
    return unicodedata.combining(character) != 0
