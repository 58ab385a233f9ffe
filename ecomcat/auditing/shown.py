"""How texts and figures of an audit are shown."""

from __future__ import annotations

EXAMPLE_CHARACTERS = 200


def shortened(text: str, most: int = EXAMPLE_CHARACTERS) -> str:
    """Return a text on one line, cut after `most` characters."""
    line = " ".join(text[: 4 * most].split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def around(text: str, start: int, end: int, before: int = 60, after: int = 120) -> str:
    """Return a piece of a text on one line, with what stands around it."""
    first, last = max(0, start - before), min(len(text), end + after)
    piece = " ".join(text[first:last].split())
    return f"{'…' if first else ''}{piece}{'…' if last < len(text) else ''}"
