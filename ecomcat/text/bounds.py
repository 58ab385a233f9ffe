"""What is read of a text at most, so that no text takes long to normalise."""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import cache
from itertools import groupby

MAX_CHARACTERS = 100_000
"""How much of a text is read, by every command; what follows is as if it were not there.

So it is of its NFKC form, where some characters become many.
"""

_MAX_MARKS = 30
_MAX_BECOMES = 18  # characters that one of them becomes by NFKC: U+FDFA
_FIRST_MARK, _END_OF_MARKS = 0x300, 0x20000
_PERHAPS = re.compile(f"[{chr(_FIRST_MARK)}-{chr(sys.maxunicode)}]{{{_MAX_MARKS + 1}}}")
_JOINER = "\u034f"  # the combining grapheme joiner, which looks like nothing and joins no marks


def bounded(text: str) -> str:
    """Return what is read of a text: its beginning, without endless runs of combining marks.

    Normalising sorts the marks that follow each other, in time that grows with the square of their
    number. So of more than 30 in a row each 31st becomes a joiner, as Unicode's Stream-Safe Text
    Format puts one between them (https://www.unicode.org/reports/tr15/#Stream_Safe_Text_Format):
    in its place, so that every other character stays where it is.

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
    """Return a text of any length without endless runs of combining marks."""
    return _long_run().sub(rf"\1{_JOINER}", text) if _PERHAPS.search(text) else text


@cache
def _long_run() -> re.Pattern[str]:
    """Match marks that the next one would make too many.

    A mark is here what is, or becomes by NFKD, a character of another combining class than 0.
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
