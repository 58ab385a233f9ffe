"""Explain what is wrong with a command line, with the nearest right name for a misspelt one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import Any

from hydra.errors import ConfigCompositionException
from omegaconf import DictConfig, OmegaConf

from ecomcat.config import COMMANDS, command_groups, conf_dir
from ecomcat.errors import UserError

_KEY = re.compile(r"[Kk]ey '(?P<key>[^']+)'|Could not (?:override|append) '(?P<group>[^'@=]+)")
_OPTION = re.compile(r"Could not find '(?P<group>[^'/]+)/(?P<option>[^']*)'")
_NOISE = re.compile(
    r"^\s*(full_key|object_type|reference_type|Config search path|provider=|Set the env|See https)"
)
FREE_KEYS = ("model.extra.",)


def explain(command: str, error: Exception) -> str:
    """Turn an error of composing a configuration into one message.

    Args:
        command: the command's name, such as `"search"`.
        error: what Hydra, OmegaConf or our own checks raised.
    """
    if isinstance(error, UserError):
        return str(error)
    message = str(error).strip()
    cause = error.__cause__
    if isinstance(error, ConfigCompositionException) and cause is not None:
        message = f"{message.splitlines()[0]}\n{str(cause).strip()}"
    message = re.sub(r"\nTo append to your config use \S+", "", message)
    lines = [line for line in message.splitlines() if line.strip() and not _NOISE.match(line)]
    message = "\n".join(lines)
    return message + _suggest(command, message)


def _suggest(command: str, message: str) -> str:
    option = _OPTION.search(message)
    if option is not None:
        folder = conf_dir() / option["group"]
        names = [path.stem for path in folder.glob("*.yaml")] if folder.is_dir() else []
        return _did_you_mean(option["option"], names, option["group"] + "=")
    wrong = _KEY.search(message)
    if wrong is None:
        return ""
    full = re.search(r"Could not override '([^']+)'", message)
    key = full[1] if full else wrong["key"] or wrong["group"]
    return _did_you_mean(key, [*_schema_keys(command), *command_groups(command)])


def _did_you_mean(name: str, candidates: list[str], prefix: str = "") -> str:
    matches = difflib.get_close_matches(name, candidates, n=1, cutoff=0.5)
    return f"\nDid you mean {prefix}{matches[0]}?" if matches else ""


def refuse_unknown_keys(command: str, config: DictConfig) -> None:
    """Refuse keys that `+key=value` added and that nothing would read.

    Raises:
        UserError: naming the key and the nearest right one.
    """
    known = _schema_keys(command)
    for key in _dotted_keys(config):
        if key not in known and not key.startswith(FREE_KEYS):
            raise UserError(f"There is no key '{key}'.{_did_you_mean(key, known)}")


def _schema_keys(command: str) -> list[str]:
    return list(_dotted_keys(OmegaConf.structured(COMMANDS[command])))


def _dotted_keys(node: Any, prefix: str = "") -> Iterator[str]:
    for key in node:
        yield f"{prefix}{key}"
        child = node._get_node(key)
        if isinstance(child, DictConfig) and not child._is_none():
            yield from _dotted_keys(child, f"{prefix}{key}.")
