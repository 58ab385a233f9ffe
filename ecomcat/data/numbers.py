"""Numbers as people and programs write them."""

from __future__ import annotations

import math
import re
import unicodedata

_MAX_CHARACTERS = 100
_SIGNS = {0x2212: "-", 0x2019: "'"}  # a minus; the separator of thousands in Switzerland
_NAME = re.compile(r"[^\W\d_]-?\d[\w.,-]*")  # with digits, such as m2, X-5 and USB3.0
_DASHES = re.compile(r"(?<=\d)([.,])[-\u2013\u2014]+")  # in the place of cents
_NUMBER = re.compile(r"([-+]?)((?:(?<![^\W_])[.,])?\d+(?:[.,' ]\d+)*)")
_GROUPS = re.compile(r"\d*|\d{1,3}(?:[.,' ]\d{2,3})*[.,' ]\d{3}")  # of two in India


def read_number(text: str) -> float | None:
    """Return the number that a text holds; None where there is none, or more than one.

    What Python reads as a number is one. In other texts words, currencies and units are ignored.
    Blanks and apostrophes separate thousands. Where both a point and a comma occur, the later one
    is the decimal mark; a mark that occurs several times separates thousands. A single comma
    separates thousands where three digits follow, and is a decimal mark otherwise; a single point
    is a decimal point.

    >>> [read_number(text) for text in ("1.299,00 €", "$1,299.00", "12 kg", "n/a", "3-4")]
    [1299.0, 1299.0, 12.0, None, None]
    """
    written = unicodedata.normalize("NFKC", text[:_MAX_CHARACTERS]).translate(_SIGNS)
    try:
        number = float(written.replace("_", " "))
    except ValueError:
        plain = _DASHES.sub(r"\g<1>00", _NAME.sub(" ", " ".join(written.split())))
        found = _NUMBER.findall(plain)
        number = _value(*found[0]) if len(found) == 1 else math.nan
    return number if math.isfinite(number) else None


def _value(sign: str, digits: str) -> float:
    """Return the value of digits with marks between them; NaN where it has no meaning."""
    points, commas = digits.count("."), digits.count(",")
    mark = "," if digits.rfind(",") > digits.rfind(".") else "."
    if digits.count(mark) != 1 or (mark == "," and re.fullmatch(r"[1-9]\d{0,2},\d{3}", digits)):
        if points and commas:
            return math.nan
        whole, fraction = digits, ""
    else:
        whole, _, fraction = digits.rpartition(mark)
    if not _GROUPS.fullmatch(whole) or not (fraction.isdigit() or not fraction):
        return math.nan
    groups = re.sub(r"\D", "", whole)
    return float(f"{sign}{groups or 0}.{fraction or 0}")
