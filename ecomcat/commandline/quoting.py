"""Quote paths and column names on the command line, so that Hydra's grammar leaves them alone.

Hydra reads `data.path=archive (1).zip` as a function call and `a,b=c.csv` as a sweep. Here the
value of every key that holds a path or a column name is quoted before Hydra parses it.
Grammar: https://hydra.cc/docs/1.3/advanced/override_grammar/basic/
"""

from __future__ import annotations

import re
from collections.abc import Iterable

FILE_KEYS = frozenset(
    {"data.path", "data.download_path", "input", "output", "model_dir", "outputs_dir"}
    | {"model.pretrained_vectors", "data.exclude", "against", "output_dir"}
)
_PATHS = FILE_KEYS | frozenset(
    {"data.url", "data.member", "data.delimiter"}
    | {"search.name", "search.cluster", "search.from_trial"}
)
_COLUMNS = frozenset({"data.text_column", "data.label_column"})
_INTEGER = re.compile(r"[+-]?[0-9]+")


def quote_overrides(arguments: Iterable[str]) -> list[str]:
    """Quote the values of path and column overrides; leave every other argument as it is.

    Args:
        arguments: the command line without the program's name.

    Returns:
        Arguments that Hydra reads as the user meant them. A value that the user already put
        into Hydra's own quotes, `null`, and a column's position stay as they are.
    """
    return [_quote_override(argument) for argument in arguments]


def _quote_override(argument: str) -> str:
    key, equals, value = argument.partition("=")
    name = key.lstrip("+")
    if not equals or name not in _PATHS | _COLUMNS:
        return argument
    if name in _COLUMNS and value.startswith("[") and value.endswith("]"):
        columns = ",".join(_quote_column(column) for column in _split_list(value[1:-1]))
        return f"{key}=[{columns}]"
    return f"{key}={_quote_column(value) if name in _COLUMNS else _quote(value)}"


def _split_list(text: str) -> list[str]:
    """Split at the commas that stand outside quotes."""
    quoted_or_plain = r"""\s*((?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[^,'"]|['"])*?)\s*(?:,|$)"""
    return [part for part in re.findall(quoted_or_plain, text) if part]


def _quote_column(value: str) -> str:
    return value if _INTEGER.fullmatch(value) else _quote(value)


def _quote(value: str) -> str:
    if value == "null" or _is_quoted(value):
        return value
    # A backslash counts as an escape only before a quote; `${` would be an interpolation.
    escaped = re.sub(r"(\\*)(?='|$)", lambda match: match[1] * 2, value)
    escaped = escaped.replace("'", "\\'")
    return "'" + re.sub(r"(\\*)\$\{", lambda match: match[1] * 2 + r"\${", escaped) + "'"


def _is_quoted(value: str) -> bool:
    return len(value) >= 2 and value[0] == value[-1] and value[0] in "'\""
