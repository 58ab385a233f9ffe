"""Check what a configuration says of the data, before anything is read."""

from __future__ import annotations

from collections.abc import Iterator

from ecomcat.config import DataConfig
from ecomcat.errors import UserError
from ecomcat.problems import at_least, one_of
from ecomcat.rows.formats import ending_problems

HEADER_CHOICES = ("auto", "true", "false")
_SOURCES = ("auto", "ecommerce", "sample", "csv")
_LEAST_SIMILARITY = 0.3  # below it, most pairs would have to be compared


def check_data(data: DataConfig) -> None:
    """Check the data configuration alone.

    Raises:
        UserError: naming each value that is wrong, a line each.
    """
    problems = list(data_problems(data))
    if problems:
        raise UserError("\n".join(problems))


def refuse_split_keys(data: DataConfig, command: str, *, compares: bool = False) -> None:
    """Refuse keys that change a split, where a command draws none.

    Args:
        data: its configuration.
        command: its name.
        compares: whether it looks for near-duplicates all the same.

    Raises:
        UserError: naming the keys that would do nothing.
    """
    other = data.near_duplicate_similarity != DataConfig.near_duplicate_similarity
    keys = {
        "data.exclude": data.exclude,
        "data.group_near_duplicates": data.group_near_duplicates,
        "data.near_duplicate_similarity": other and not compares,
    }
    if given := [key for key, value in keys.items() if value]:
        raise UserError(
            f"Expected {' and '.join(given)} in ecomcat.search or ecomcat.train, which split rows, "
            f"found {'it' if len(given) == 1 else 'them'} in ecomcat.{command}. Leave "
            f"{'it' if len(given) == 1 else 'them'} out."
        )


def data_problems(data: DataConfig) -> Iterator[str]:
    """Yield what is wrong with a data configuration, a line each."""
    yield from one_of("data.source", data.source, _SOURCES)
    if data.source == "sample" and data.path:
        yield f"data.path: expected none with data=sample, found {data.path!r}. Use data=csv."
    if data.path:
        yield from path_problems("data.path", data.path)
    yield from one_of("data.rare_classes", data.rare_classes, ("refuse", "drop"))
    yield from one_of("data.header", str(data.header).lower(), HEADER_CHOICES)
    yield from at_least("data.min_class_rows", data.min_class_rows, 3)
    yield from at_least("data.sample_rows", data.sample_rows, 200)
    yield from at_least("data.sample_seed", data.sample_seed, 0)
    if not 0 <= data.sample_label_noise <= 0.5:
        yield f"data.sample_label_noise: expected 0 to 0.5, found {data.sample_label_noise}."
    if not _LEAST_SIMILARITY <= data.near_duplicate_similarity <= 1:
        yield (
            f"data.near_duplicate_similarity: expected {_LEAST_SIMILARITY:g} to 1, found "
            f"{data.near_duplicate_similarity:g}."
        )
    fractions = {"validation": data.validation_fraction, "test": data.test_fraction}
    for name, fraction in fractions.items():
        if not 0 < fraction < 1:
            yield f"data.{name}_fraction: expected more than 0 and less than 1, found {fraction}."
    if not sum(fractions.values()) < 1:
        yield (
            "data.validation_fraction + data.test_fraction: expected less than 1 together, found "
            f"{sum(fractions.values()):g}."
        )


def path_problems(key: str, path: str) -> Iterator[str]:
    """Yield what is wrong with the name of a labelled file.

    Args:
        key: that names it.
        path: the file.
    """
    known = "give it the ending of what it is"
    yield from ending_problems(key, path, lines="give it the ending .jsonl", other=known)


def idle_similarity(data: DataConfig) -> Iterator[str]:
    """Yield what is wrong with a similarity that nothing would ask for."""
    default = DataConfig.near_duplicate_similarity
    if data.near_duplicate_similarity != default and not data.group_near_duplicates:
        yield (
            "data.near_duplicate_similarity: expected data.group_near_duplicates=true with it, "
            "found false, so that it would do nothing. Add the one or leave the other out."
        )
