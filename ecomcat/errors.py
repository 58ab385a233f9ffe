"""The error that a user can fix, and the nearest right name."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher

_MIN_LIKENESS = 0.7


class UserError(Exception):
    """Report something that the user can fix: bad input, a wrong name, a missing file.

    Commands print the message without a traceback and exit with code 2. The message says
    what was expected, what was found, and what to do.
    """


def nearest(name: str, candidates: Iterable[str]) -> str:
    """Return a suggestion for a misspelt name, or nothing where none is near.

    Args:
        name: String. What the user wrote.
        candidates: Iterable of strings. The right names, dotted or not.

    >>> nearest("model.drop_out", ["model.dropout", "model.lstm_units"])
    " Did you mean 'model.dropout'?"
    >>> nearest("lstm_units", ["model.dropout", "model.lstm_units"])
    " Did you mean 'model.lstm_units'?"
    >>> nearest("model.colour", ["model.dropout", "model.lstm_units"])
    ''
    """
    likeness, best = max(
        ((_likeness(name, candidate), candidate) for candidate in candidates), default=(0.0, "")
    )
    return f" Did you mean '{best}'?" if likeness >= _MIN_LIKENESS else ""


def _likeness(name: str, candidate: str) -> float:
    """Compare two names; the group that both begin with, or that one leaves out, says nothing."""
    group, _, own = candidate.rpartition(".")
    if name.startswith(f"{group}."):
        name = name[len(group) + 1 :]
        candidate = own
    elif "." not in name and "=" not in name:
        candidate = own
    return SequenceMatcher(None, name.lower(), candidate.lower()).ratio()


def name_five(names: Iterable[object]) -> str:
    """Return names for a message: the first five, and how many more there are.

    Args:
        names: Iterable of anything that has a name.

    >>> name_five("abcdefg")
    'a, b, c, d, e and 2 more'
    >>> name_five([])
    'none'
    """
    shown = [str(name) for name in names]
    more = f" and {len(shown) - 5} more" if len(shown) > 5 else ""
    return (", ".join(shown[:5]) or "none") + more
