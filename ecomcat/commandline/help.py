"""What `--help` shows of a command's configuration: its groups, its keys, and what they mean.

Hydra fills `conf/quiet.yaml`'s template; the parts that it has no words for are resolvers here.
"""

from __future__ import annotations

import inspect
import math
import re
import shutil
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hydra.conf
import yaml
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from ecomcat.config import COMMANDS, command_groups, conf_dir

# A field in one line, and one that ends in a later line, with the comment at its end.
_COMMENTED_FIELD = re.compile(r"^    (\w+): [^#\n]*#\s+(.*)$", re.MULTILINE)
_COMMENTED_END = re.compile(r"^    (\w+): [^#\n]*\(\n(?: {8}.*\n)* {4}\)\s*#\s+(.*)$", re.MULTILINE)
_WIDEST = 100  # columns of running text
_COMMENT_COLUMN = 46


@dataclass
class HelpConf(hydra.conf.HelpConf):
    """What Hydra knows of a command's help, and examples."""

    examples: str = ""  # lines to type, each below a comment that says what it does


@dataclass
class HydraConf(hydra.conf.HydraConf):
    """Hydra's own configuration, with examples in its help."""

    help: HelpConf = field(default_factory=HelpConf)


def register_help() -> None:
    """Tell Hydra of `hydra.help.examples` and of the resolvers that the template uses."""
    ConfigStore.instance().store(group="hydra", name="config", node=HydraConf)
    for name, resolver in (("header", _header), ("groups", _groups), ("keys", _keys)):
        OmegaConf.register_new_resolver(f"ecomcat.{name}", resolver, replace=True)


def _header(*, _root_: DictConfig) -> str:
    """Say what the command is for, in lines that no terminal need break within a word."""
    width = min(_WIDEST, shutil.get_terminal_size().columns)
    return _for_template(textwrap.wrap(_root_.hydra.help.header, width, break_long_words=False))


def _groups(*, _root_: DictConfig) -> str:
    """List each option of each group, the chosen ones marked, with its file's first comment."""
    chosen = _root_.hydra.runtime.choices
    options = [
        (f"{'*' if chosen.get(group) == path.stem else ' '} {group}={path.stem}", _comment(path))
        for group in command_groups(_root_.hydra.job.config_name)
        if group in chosen
        for path in sorted((conf_dir() / group).glob("*.yaml"))
    ]
    width = max((len(option) for option, _ in options), default=0)
    lines = [f"{option:{width}}  {comment}".rstrip() for option, comment in options]
    return _for_template(lines or ["none"])


def _comment(path: Path) -> str:
    """Return the comment that a YAML file begins with."""
    words = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        if not line.startswith("# @package"):
            words.append(line.removeprefix("#").strip())
    return " ".join(words)


def _keys(*, _root_: DictConfig) -> str:
    """List each key with its value, and what the schema's comment says of it."""
    schema = COMMANDS[_root_.hydra.job.config_name]
    config = OmegaConf.masked_copy(_root_, [str(key) for key in _root_ if key != "hydra"])
    return _for_template(list(_key_lines(config, schema, "")))


def _key_lines(node: DictConfig, schema: Any, indent: str) -> Iterator[str]:
    comments = _field_comments(schema)
    for key in node:
        child = node._get_node(key)
        if isinstance(child, DictConfig) and not child._is_none() and len(child):
            yield f"{indent}{key!s}:"
            yield from _key_lines(child, OmegaConf.get_type(child), indent + "  ")
            continue
        line = f"{indent}{key!s}: {_inline(child)}"
        comment = comments.get(str(key))
        yield f"{line:{_COMMENT_COLUMN}}  # {comment}" if comment else line


def _inline(node: Any) -> str:
    """Write a value as YAML in one line."""
    value = OmegaConf.to_container(OmegaConf.create([node]), enum_to_str=True)
    written: str = yaml.safe_dump(
        value, default_flow_style=True, width=math.inf, allow_unicode=True, sort_keys=False
    )
    return written.strip()[1:-1]


def _field_comments(schema: Any) -> dict[str, str]:
    """Return the comments of a dataclass's fields."""
    if not isinstance(schema, type) or schema in (dict, list):
        return {}
    try:
        source = inspect.getsource(schema)
    except OSError:  # an installation without sources
        return {}
    return dict([*_COMMENTED_END.findall(source), *_COMMENTED_FIELD.findall(source)])


def _for_template(lines: Sequence[str]) -> str:
    """Join lines; Hydra's template would read a `$` as the beginning of a name."""
    return "\n".join(lines).replace("$", "$$")
