"""Labels that are paths, such as "Home > Chairs": find the separator, and write them in one way."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from ecomcat.data.cells import LEVEL_END
from ecomcat.data.cleaning import clean_label, look_alikes, named, quoted
from ecomcat.errors import UserError, name_five

AUTO, NONE = "auto", "none"
_ARROWS = (">>", ">", "|", "»")  # never in a name, so blanks around them have no meaning
_SEPARATORS = (*_ARROWS, " / ", "/", ".")
_JOINS = (" > ", " | ", " / ", " » ")  # for several columns: the first one that no level contains
_MIN_LABELS = 4
_MIN_SHARE, _MIN_SHARE_OF_ARROWS = 0.9, 0.5  # of labels that share their first level with others
_NUMBER_AT_END = re.compile(r"(?<!>)>\s*\d[^>]*$")  # as in "Men > 40" or "Memory > 16 GB"

logger = logging.getLogger("ecomcat")


def write_paths(
    labels: Mapping[str, int], asked: str, known: str | None = None
) -> tuple[dict[str, str], str | None]:
    """Write labels that are paths in one way.

    Blanks around a separator and separators at the ends are ignored. With `auto` labels are paths
    only where enough of them have several levels and share the first one with others.

    Args:
        labels: The labels as they were read, with their rows.
        asked: String. The separator, `auto` or `none`.
        known: String. The separator of other labels, or of the source, which is taken with
            `auto` if one of these labels contains it. Defaults to None.

    Returns:
        The names by label, and the separator of their levels; None where they are not paths.

    Raises:
        UserError: A level within a path is empty, or a separator is needed and cannot be chosen.

    >>> write_paths({"Home>Chairs": 9, "Home > Lamps": 8}, ">")
    ({'Home>Chairs': 'Home > Chairs', 'Home > Lamps': 'Home > Lamps'}, ' > ')
    """
    if any(LEVEL_END in label for label in labels):
        return _join_columns(labels, asked)
    cleaned = {label: clean_label(label) for label in labels}
    separator = _found(set(cleaned.values()) - {""}, known) if asked == AUTO else asked
    if separator is None or asked == NONE:
        return {}, None
    levels = {label: _levels(name, separator) for label, name in cleaned.items()}
    _refuse_empty_levels(labels, cleaned, levels)
    depth = max(map(len, levels.values()), default=0)
    if depth < 2:
        logger.warning(
            "data.label_separator: expected %r in labels, found it in none. They are not paths.",
            separator,
        )
        return {}, None
    written, is_guess = _as_written(separator, cleaned.values()), asked == AUTO and known is None
    logger.info(
        "Labels are paths of up to %d levels, separated by %r%s.",
        *(depth, written, " (data.label_separator=none if they are not)" * is_guess),
    )
    _warn_of_look_alikes(levels.values(), written)
    return {label: written.join(parts) for label, parts in levels.items()}, written


def split_path(name: str, separator: str) -> list[str]:
    """Return the levels of a label, written with any blanks around the separator.

    >>> split_path("Home>Chairs > ", " > ")
    ['Home', 'Chairs']
    """
    return _levels(clean_label(name), separator)


def _warn_of_look_alikes(paths: Iterable[Sequence[str]], separator: str) -> None:
    """Warn of inner nodes that may mean the same; cleaning warns of such categories."""
    inner = {separator.join(path[:depth]) for path in paths for depth in range(1, len(path))}
    if groups := look_alikes(inner):
        logger.warning(
            "Nodes of paths that look alike are different ones: %s. Write them in one way if they "
            "mean the same.",
            name_five(" and ".join(map(quoted, group)) for group in groups),
        )


def _levels(name: str, separator: str) -> list[str]:
    """Return a path's levels. Its separator needs blanks if it has some and may be in names."""
    mark = separator.strip()
    blank = r"\s+" if mark != separator and mark not in _ARROWS else ""
    levels = [part.strip() for part in re.split(f"{blank}{re.escape(mark)}{blank}", name)]
    while len(levels) > 1 and not levels[-1]:
        levels.pop()
    return levels[1:] if len(levels) > 1 and not levels[0] else levels


def _found(names: Collection[str], known: str | None) -> str | None:
    """Return the known separator if it occurs, else one by which labels clearly are paths."""
    if known is not None and any(len(_levels(name, known)) > 1 for name in names):
        return known
    return next((each for each in _SEPARATORS if _are_paths(names, each)), None)


def _are_paths(names: Collection[str], separator: str) -> bool:
    if len(names) < _MIN_LABELS or not any(re.search(r"[^\W\d_]", name) for name in names):
        return False  # dates, and numbers with a point
    is_arrow = separator in _ARROWS
    least = len(names) * (_MIN_SHARE_OF_ARROWS if is_arrow else _MIN_SHARE)
    if sum(separator in name for name in names) < least:  # most names that are not paths end here
        return False
    levels = [_levels(_NUMBER_AT_END.sub("", name), separator) for name in names]
    firsts = Counter(parts[0] for parts in levels)
    shared = sum(len(each) > 1 and "" not in each and firsts[each[0]] > 1 for each in levels)
    return shared >= least and (is_arrow or len(firsts) > 1)


def _as_written(separator: str, names: Collection[str]) -> str:
    """Return a separator, with blanks around it if most labels have them."""
    mark = separator.strip()
    having = [name for name in names if mark in name]
    spaced = sum(f" {mark} " in name for name in having)
    return f" {mark} " if mark != separator or 2 * spaced >= len(having) else mark


def _refuse_empty_levels(
    labels: Mapping[str, int], names: Mapping[str, str], levels: Mapping[str, Sequence[str]]
) -> None:
    empty = {names[each]: labels[each] for each in labels if "" in levels[each] and names[each]}
    if empty:
        raise UserError(
            "Expected a name for each level of a label, found an empty one in (with their rows) "
            f"{named(empty)}. Write the level, or shorten the path, or take other labels "
            "(data.label_column, data.label_separator)."
        )


def _join_columns(labels: Mapping[str, int], asked: str) -> tuple[dict[str, str], str]:
    """Join levels that came from columns; a deeper one may be missing."""
    levels = {label: [clean_label(cell) for cell in label.split(LEVEL_END)] for label in labels}
    for parts in levels.values():
        while len(parts) > 1 and not parts[-1]:
            parts.pop()
    names = {name for parts in levels.values() for name in parts}
    wanted = _JOINS if asked == AUTO else (asked,)
    held = {each: [name for name in names if each.strip() in name] for each in wanted}
    separator = next((each for each in wanted if not held[each]), None)
    if separator is None or asked == NONE:
        found = "none" if asked == NONE else f"{wanted[0]!r}, and {quoted(held[wanted[0]][0])}"
        raise UserError(
            "data.label_separator: expected a separator that is in no level of the columns in "
            f"data.label_column, found {found}. Give another one."
        )
    joined = {label: separator.join(parts) for label, parts in levels.items()}
    _refuse_empty_levels(labels, joined, levels)
    _warn_of_look_alikes(levels.values(), separator)
    return joined, separator
