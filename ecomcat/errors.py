"""The error that a user can fix, and suggestions for misspelt names."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher
from pathlib import PurePath

_MIN_LIKENESS, _MIN_LIKENESS_OF_KEYS = 0.7, 0.75  # keys share words such as `max_`
_MAX_CHARACTERS = 200  # of a name: the time of a comparison grows with their square


class UserError(Exception):
    """Report something that the user can fix: bad input, a wrong name, a missing file.

    Commands print the message without a traceback and exit with code 2. The message says
    what was expected, what was found, and what to do.

    >>> try:
    ...     ecomcat.load("nowhere")
    ... except ecomcat.UserError as error:
    ...     print(str(error).split(".")[0])
    Expected an exported model in nowhere, found no such folder
    """


def first_line(error: Exception) -> str:
    r"""Return the first line of an error's message; without a message, the error's type.

    >>> first_line(ValueError("not a model\nat byte 7")), first_line(EOFError())
    ('not a model', 'EOFError')
    """
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def nearest(name: str, candidates: Iterable[str], *, dotted: bool = False) -> str:
    """Return a suggestion for a misspelt name, or nothing where none is near.

    The ending of a file that both have makes them no nearer.

    Args:
        name: String. What the user wrote.
        candidates: Iterable of strings. The right names.
        dotted: Boolean. Whether they are keys such as `"model.dropout"`; a group that both have,
            or that the user left out, is then ignored. Defaults to False.

    >>> nearest("catalogue.cvs", ["catalogue.csv", "prices.csv"])
    " Did you mean 'catalogue.csv'?"
    >>> nearest("lstm_units", ["model.dropout", "model.lstm_units"], dotted=True)
    " Did you mean 'model.lstm_units'?"
    >>> nearest("model.colour", ["model.dropout", "model.lstm_units"], dotted=True)
    ''
    """
    likeness, best = max(
        ((_likeness(name, candidate, dotted), candidate) for candidate in candidates),
        default=(0.0, ""),
    )
    least = _MIN_LIKENESS_OF_KEYS if dotted else _MIN_LIKENESS
    return f" Did you mean '{best}'?" if likeness >= least else ""


def _likeness(name: str, candidate: str, dotted: bool) -> float:
    group, _, own = candidate.rpartition(".")
    if dotted and name.startswith(f"{group}."):
        name, candidate = name[len(group) + 1 :], own
    elif dotted and "." not in name and "=" not in name:
        candidate = own
    ending = "".join(PurePath(name).suffixes)
    if not dotted and candidate.endswith(ending):
        name, candidate = name.removesuffix(ending), candidate.removesuffix(ending)
    if max(len(name), len(candidate)) > _MAX_CHARACTERS:
        return 0.0
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
