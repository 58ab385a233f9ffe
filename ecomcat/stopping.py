"""Signals that ask a command to stop, remembered until it does.

Python raises a signal's exception wherever it happens to be; in a finalizer, of which collecting
an old network's garbage runs thousands, the exception is printed and lost. A loop that would go on
for hours asks here whether it was told to stop.
"""

from __future__ import annotations

_requested: list[BaseException] = []


def request_stop(error: BaseException) -> None:
    """Remember what a signal's handler is about to raise."""
    _requested.append(error)


def forget_requests() -> None:
    """Begin a command anew: what another one in this process was told is not its own."""
    _requested.clear()


def raise_if_requested() -> None:
    """Raise what a signal's handler raised, where it was lost on its way.

    Raises:
        KeyboardInterrupt: after Ctrl-C.
        SystemExit: after SIGTERM.
    """
    if _requested:
        raise _requested[-1]
