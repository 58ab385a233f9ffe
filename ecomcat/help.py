"""The text of `--help`: a command's purpose, examples, its groups, and each key with its help."""

from __future__ import annotations

import math
import shutil
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import yaml
from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf

from ecomcat.command_config import COMMANDS, command_groups, conf_dir
from ecomcat.option_fields import TARGET, declared_options

_MAX_WIDTH = 100  # columns of running text
_HELP_COLUMN = 46


def help_page(command: str, config: DictConfig, choices: Mapping[str, str]) -> str:
    """Return the help of a command with its composed configuration and the chosen options."""
    purpose, _, examples = leading_comment(conf_dir() / f"{command}.yaml").partition("\n\n")
    helps = {key: each.help for key, each in declared_options(COMMANDS[command]).items()}
    width = min(_MAX_WIDTH, shutil.get_terminal_size().columns)
    return "\n".join(
        [
            *textwrap.wrap(purpose, width, break_long_words=False),
            "",
            f"Usage: python -m ecomcat.{command} [group=option ...] [key=value ...]",
            "Any group and any key of those below; paths and column names only need the shell's "
            "quotes.",
            "",
            "== Examples ==",
            examples,
            "",
            "== Groups: one option of each, * is taken here ==",
            *(_group_lines(command, choices) or ["none"]),
            "",
            "== Keys, their values here, and what they mean ==",
            *_key_lines(config, helps),
            "",
        ]
    )


def leading_comment(path: Path) -> str:
    """Return the comment that a YAML file begins with."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        if not line.startswith("# @package"):
            lines.append(line[1:].removeprefix(" "))
    return "\n".join(lines).strip()


def _group_lines(command: str, choices: Mapping[str, str]) -> list[str]:
    """List each option of each group, the chosen ones marked, with its file's first comment."""
    options = [
        (f"{'*' if choices.get(group) == path.stem else ' '} {group}={path.stem}", path)
        for group in command_groups(command)
        for path in sorted((conf_dir() / group).glob("*.yaml"))
    ]
    width = max((len(option) for option, _ in options), default=0)
    return [
        f"{option:{width}}  {' '.join(leading_comment(path).split())}" for option, path in options
    ]


def _key_lines(node: DictConfig, helps: Mapping[str, str], prefix: str = "") -> Iterator[str]:
    indent = "  " * prefix.count(".")
    for key in node:
        child = node._get_node(key)
        nested = isinstance(child, DictConfig) and not child._is_none() and len(child)
        line = f"{indent}{key!s}:" if nested else f"{indent}{key!s}: {_inline(child)}"
        text = helps.get(f"{prefix}{key!s}")
        yield f"{line:{_HELP_COLUMN}}  # {text}" if text else line
        if nested and isinstance(child, DictConfig):
            inner = f"{prefix}{key!s}."
            yield from _key_lines(child, {**helps, **_parameter_helps(child, inner)}, inner)


def _parameter_helps(node: DictConfig, prefix: str) -> dict[str, str]:
    """Return the help of the parameters of the class that a node names."""
    # A class without parameters, such as a source of data, need not be imported.
    target = get_object(node[TARGET]) if TARGET in node and len(node) > 1 else None
    if not is_dataclass(target):
        return {}
    return {f"{prefix}{each.name}": each.metadata.get("help", "") for each in fields(target)}


def _inline(node: Any) -> str:
    """Write a value as YAML in one line."""
    value = OmegaConf.to_container(OmegaConf.create([node]), enum_to_str=True)
    written: str = yaml.safe_dump(
        value, default_flow_style=True, width=math.inf, allow_unicode=True, sort_keys=False
    )
    return written.strip()[1:-1]
