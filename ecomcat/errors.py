"""Say what is wrong with a value of a configuration: a line a problem, none where it is good."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator


class UserError(Exception):
    """Report something that the user can mend: bad input, a wrong name, a missing file.

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


_LARGEST_SEED = 2**32 - 2  # scikit-learn takes 32 bits, and Keras Tuner is given one more


def one_of(key: str, value: str, allowed: tuple[str, ...]) -> Iterator[str]:
    """Yield what is wrong with a word that must be among some, and the nearest of them."""
    if value not in allowed:
        yield f"{key}: expected one of {', '.join(allowed)}, found {value!r}." + nearest(
            value, allowed
        )


def at_least(key: str, value: int, least: int) -> Iterator[str]:
    """Yield what is wrong with a number that has a least value."""
    if value < least:
        yield f"{key}: expected {least} or more, found {value}."


def seed_problems(seed: int) -> Iterator[str]:
    """Yield what is wrong with a seed."""
    if not 0 <= seed <= _LARGEST_SEED:
        yield f"seed: expected 0 to {_LARGEST_SEED}, found {seed}."
