"""Complete a command line in a shell: groups and their options, keys and their values, files.

Hydra's own completion stops at quotes and blanks, and knows of no key that it holds a file. The
shell asks by `ecomcat-search -sc query=bash` with the line in `COMP_LINE`, as Hydra has it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

from ecomcat.commandline.quoting import FILE_KEYS, quote_overrides
from ecomcat.config import COMMANDS, SearchCommand, command_groups, conf_dir

_STUDY_KEYS = ("search.name", "search.from_trial")
_FLAGS = ("-sc", "--shell-completion")
_OPTIONS = ("--help", "--cfg", "--info")
_BASH = """\
_ecomcat_complete()
{
    local reply
    COMPREPLY=()
    while IFS= read -r reply; do
        COMPREPLY+=("$reply")
    done < <(COMP_LINE="$COMP_LINE" COMP_POINT="$COMP_POINT" "$1" -sc query=bash 2> /dev/null)
    case ${COMP_WORDS[COMP_CWORD]} in
        FILES) compopt -o filenames 2> /dev/null ;;
    esac
    case ${COMPREPLY[0]} in
        *[=./]) compopt -o nospace 2> /dev/null ;;
    esac
}
COMP_WORDBREAKS=${COMP_WORDBREAKS//=}
complete -F _ecomcat_complete COMMANDS
"""


def completion(command: str, arguments: Sequence[str]) -> str | None:
    """Return what a shell asks for, or None where the arguments ask for something else.

    Args:
        command: its name, such as `"search"`.
        arguments: the command line without the program's name.
    """
    if len(arguments) != 2 or arguments[0] not in _FLAGS:
        return None
    asked, _, shell = arguments[1].partition("=")
    if asked == "query" and "COMP_LINE" in os.environ:
        line = os.environ["COMP_LINE"]
        point = os.environ.get("COMP_POINT", "")
        # In bytes, as bash counts.
        before = os.fsdecode(os.fsencode(line)[: int(point)]) if point.isdigit() else line
        return "".join(f"{word}\n" for word in suggestions(command, before) if _is_line(word))
    if asked == "install" and shell in {"bash", "zsh"}:
        commands = " ".join(f"ecomcat-{name}" for name in COMMANDS)
        files = "|".join(f"{key}=*" for key in sorted(FILE_KEYS))
        return _BASH.replace("COMMANDS", commands).replace("FILES", files)
    return None


def _is_line(word: str) -> bool:
    """Tell whether a word can be printed on one line: names of files may be of any bytes."""
    return "\n" not in word and not any("\ud800" <= letter <= "\udfff" for letter in word)


def suggestions(command: str, line: str) -> list[str]:
    """Return what the last word of a line may become.

    Args:
        command: its name.
        line: up to the cursor, the program's name included.
    """
    *before, word = _words(line)
    sign = word[: len(word) - len(word.lstrip("+~"))]
    word = word.removeprefix(sign)
    key, equals, value = word.partition("=")
    if not equals:
        found = list(_names(command, word))
    elif key in FILE_KEYS:
        found = [f"{key}={path}" for path in _files(value)]
    elif key in _STUDY_KEYS:
        trials = key == "search.from_trial"
        found = [f"{key}={name}" for name in _studies(before, value, trials=trials)]
    else:
        found = [f"{key}={choice}" for choice in _values(command, key, before[1:])]
    return [f"{sign}{each}" for each in sorted(set(found)) if each.startswith(word)]


def _words(line: str) -> list[str]:
    """Split as a shell does; the last word may be empty, or end within quotes."""
    words, quote, escaped, inside = [""], "", False, False
    for letter in line:
        if escaped:
            words[-1] += letter
            escaped = False
        elif letter == "\\" and quote != "'":
            escaped = inside = True
        elif quote:
            quote, words[-1] = ("", words[-1]) if letter == quote else (quote, words[-1] + letter)
        elif letter in "'\"":
            quote, inside = letter, True
        elif letter in " \t":
            if inside:
                words.append("")
            inside = False
        else:
            words[-1] += letter
            inside = True
    return words


def _names(command: str, word: str) -> Iterator[str]:
    """Yield groups, keys and options; of nested keys only the next part."""
    yield from (option for option in _OPTIONS if word.startswith("-"))
    yield from (f"{group}=" for group in command_groups(command) if not word.startswith("-"))
    for key, nested in _schema(COMMANDS[command]):
        if key.startswith(word):
            dot = key.find(".", len(word))
            yield key[: dot + 1] if dot >= 0 else f"{key}{'.' if nested else '='}"


def _schema(schema: type, prefix: str = "") -> Iterator[tuple[str, bool]]:
    """Yield each key, dotted, and whether it holds others."""
    hints = get_type_hints(schema)
    for entry in fields(schema):
        kind = hints[entry.name]
        nested = is_dataclass(kind) or entry.name == "extra"
        yield f"{prefix}{entry.name}", nested
        if isinstance(kind, type) and is_dataclass(kind):
            yield from _schema(kind, f"{prefix}{entry.name}.")


def _options(group: str) -> list[str]:
    return [path.stem for path in (conf_dir() / group).glob("*.yaml")]


def _values(command: str, key: str, overrides: Sequence[str]) -> list[str]:
    """Return a group's options, or the words that a key may have and its value so far."""
    if key in command_groups(command):
        return _options(key)
    words = _allowed_words(command, key)
    value = _value(command, key, overrides)
    if isinstance(value, bool):
        return ["true", "false"]
    return [*words, *([str(value)] if isinstance(value, int | float | str) else [])]


def _allowed_words(command: str, key: str) -> list[str]:
    schema: Any = COMMANDS[command]
    *groups, name = key.split(".")
    for group in groups:
        schema = get_type_hints(schema).get(group)
        if not is_dataclass(schema):
            return []
    rules = [each.metadata.get("rule") for each in fields(schema) if each.name == name]
    if not rules or rules[0] is None:
        return []
    return ["true", "false"] if rules[0].kind == "bool" else rules[0].words()


def _value(command: str, key: str, overrides: Sequence[str]) -> Any:
    """Return what a key has with the words before it; None where they do not compose."""
    from hydra import compose, initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from ecomcat.commandline.schemas import register_schemas

    register_schemas()
    quoted = [word for word in quote_overrides(overrides) if "=" in word]
    try:
        with initialize_config_dir(version_base="1.3", config_dir=str(conf_dir())):
            return OmegaConf.select(compose(command, quoted), key)
    except (HydraException, OmegaConfBaseException):
        return None


def _studies(before: Sequence[str], value: str, *, trials: bool) -> Iterator[str]:
    """Yield the studies that there are, or, once one is typed, its trials."""
    outputs = [word.partition("=")[2] for word in before if word.startswith("outputs_dir=")]
    root = Path([SearchCommand.outputs_dir, *outputs][-1]).expanduser() / "search"
    study, slash, _ = value.partition("/")
    if trials and slash:
        yield from (f"{study}/{path.name}" for path in (root / study / "trials").glob("*"))
    else:
        yield from (f"{path.parent.name}{'/' * trials}" for path in root.glob("*/study.json"))


def _files(value: str) -> Iterator[str]:
    """Yield the paths that begin with what was typed; a folder's ends with a slash."""
    folder, slash, name = value.rpartition("/")
    place = Path(f"{folder}{slash}" or ".").expanduser()
    try:
        entries = sorted(place.iterdir())
    except OSError:
        return
    for entry in entries:
        hidden = entry.name.startswith(".") and not name.startswith(".")
        if entry.name.startswith(name) and not hidden:
            yield f"{folder}{slash}{entry.name}{'/' if entry.is_dir() else ''}"
