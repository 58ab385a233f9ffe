"""The error that a user can fix, and the nearest right name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Report something that the user can fix: bad input, a wrong name, a missing file.

    Commands print the message without a traceback and exit with code 2. The message says
    what was expected, what was found, and what to do.
    """


def nearest(name: str, candidates: Iterable[str]) -> str:
    """Return a suggestion clause for a misspelt name.

    Args:
        name: what the user wrote.
        candidates: the right names.

    Returns:
        `" Did you mean 'x'?"`, or an empty string when nothing is similar.
    """
    matches = difflib.get_close_matches(name, list(candidates), n=1, cutoff=0.6)
    return f" Did you mean '{matches[0]}'?" if matches else ""
