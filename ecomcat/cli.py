"""Run a command: compose its configuration, call its task, and end with the right exit code.

0 success, 1 our own fault, 2 something the user can mend, 130 Ctrl-C, 143 SIGTERM. Logs and
progress go to standard error; standard output carries results only.
"""

from __future__ import annotations

import difflib
import io
import logging
import math
import os
import re
import shutil
import signal
import sys
import textwrap
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, NoReturn, get_type_hints

import hydra.conf
import yaml
from hydra._internal.utils import get_args_parser
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import ConfigCompositionException, HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ecomcat.config import COMMANDS, SearchCommand, command_groups, conf_dir
from ecomcat.errors import UserError
from ecomcat.files import expanded
from ecomcat.process import forget_requests, request_stop


def register_schemas() -> None:
    """Register the schemas under the names that the YAML files' defaults use, and help's parts."""
    from hydra.core.config_store import ConfigStore

    register_help()
    store = ConfigStore.instance()
    for schema in dict.fromkeys(COMMANDS.values()):
        name = schema.__name__.removesuffix("Command").lower() + "_command"
        store.store(name=name, node=schema)


FILE_KEYS = frozenset(
    {"data.path", "data.download_path", "input", "output", "model_dir", "outputs_dir"}
    | {"data.exclude", "against", "output_dir"}
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


_ONE_JOB = (
    "--multirun is not supported, since its jobs would share one model folder. Search a list of "
    "values instead (model.lstm_units=[32,64]), or run the command once for each data set, with "
    "model_dir=FOLDER."
)


def check_overrides(arguments: Sequence[str], groups: Collection[str]) -> None:
    """Refuse overrides that cannot be read, sweeps, and groups given anything but an option.

    Args:
        arguments: the command line without the program's name, already quoted.
        groups: the command's configuration groups.

    Raises:
        UserError: naming the argument, and what to write instead.
    """
    known, _ = get_args_parser().parse_known_args(list(arguments))
    if known.multirun:
        raise UserError(_ONE_JOB)
    for argument in known.overrides:
        _check_override(argument, _parse(argument), groups)


def _parse(argument: str) -> Override:
    try:
        override = OverridesParser.create().parse_override(argument)
    except HydraException as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"Cannot read the argument {argument!r}: {reason}. Expected key=value, such as "
            "model.lstm_units=64, 'model.lstm_units=32..128 step 32' or data=sample."
        ) from error
    if not override.key_or_group:
        raise UserError(f"Expected a key before '=' in the argument {argument!r}, found none.")
    return override


def _check_override(argument: str, override: Override, groups: Collection[str]) -> None:
    key = override.key_or_group
    if key == "hydra.mode":
        raise UserError(_ONE_JOB)
    if override.is_sweep_override():
        values = argument.partition("=")[2]
        raise UserError(
            f"Expected one value in the argument {argument!r}, found several. To search them, "
            f"write a list: {key}=[{values}]."
        )
    if key in groups and not override.is_delete() and not isinstance(override.value(), str | list):
        raise UserError(
            f"Expected the name of an option of the group {key!r}, found {override.value()!r} in "
            f"the argument {argument!r}."
        )


_KEY = re.compile(r"[Kk]ey '(?P<key>[^']+)'|Could not (?:override|append) '(?P<group>[^'@=]+)")
_OPTION = re.compile(r"Could not find '(?P<group>[^'/]+)/(?P<option>[^']*)'")
_NOISE = re.compile(
    r"^\s*(full_key|object_type|reference_type|Config search path|provider=|Set the env|See https)"
)
FREE_KEYS = ("model.extra.",)
# Keys of earlier versions, and what to do without them.
_FORMER_KEYS = {
    "model.pretrained_vectors": "Word vectors from a file gained nothing: leave it out.",
}


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
    if key in _FORMER_KEYS:
        return f"\n{_FORMER_KEYS[key]}"
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
            if key in _FORMER_KEYS:
                raise UserError(f"There is no key '{key}'. {_FORMER_KEYS[key]}")
            raise UserError(f"There is no key '{key}'.{_did_you_mean(key, known)}")


def _schema_keys(command: str) -> list[str]:
    return list(_dotted_keys(OmegaConf.structured(COMMANDS[command])))


def _dotted_keys(node: Any, prefix: str = "") -> Iterator[str]:
    for key in node:
        yield f"{prefix}{key}"
        child = node._get_node(key)
        if isinstance(child, DictConfig) and not child._is_none():
            yield from _dotted_keys(child, f"{prefix}{key}.")


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
    """List each key with its value, and what the schema says of it."""
    schema = COMMANDS[_root_.hydra.job.config_name]
    config = OmegaConf.masked_copy(_root_, [str(key) for key in _root_ if key != "hydra"])
    return _for_template(list(_key_lines(config, schema, "")))


def _key_lines(node: DictConfig, schema: Any, indent: str) -> Iterator[str]:
    declared = fields(schema) if is_dataclass(schema) else ()
    helps = {entry.name: entry.metadata.get("help") for entry in declared}
    for key in node:
        child = node._get_node(key)
        if isinstance(child, DictConfig) and not child._is_none() and len(child):
            yield f"{indent}{key!s}:"
            yield from _key_lines(child, OmegaConf.get_type(child), indent + "  ")
            continue
        line = f"{indent}{key!s}: {_inline(child)}"
        comment = helps.get(str(key))
        yield f"{line:{_COMMENT_COLUMN}}  # {comment}" if comment else line


def _inline(node: Any) -> str:
    """Write a value as YAML in one line."""
    value = OmegaConf.to_container(OmegaConf.create([node]), enum_to_str=True)
    written: str = yaml.safe_dump(
        value, default_flow_style=True, width=math.inf, allow_unicode=True, sort_keys=False
    )
    return written.strip()[1:-1]


def _for_template(lines: Sequence[str]) -> str:
    """Join lines; Hydra's template would read a `$` as the beginning of a name."""
    return "\n".join(lines).replace("$", "$$")


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
    rules = [
        each.metadata.get("rule") or each.metadata.get("bounds")
        for each in fields(schema)
        if each.name == name
    ]
    if not rules or rules[0] is None:
        return []
    return ["true", "false"] if rules[0].kind == "bool" else rules[0].words()


def _value(command: str, key: str, overrides: Sequence[str]) -> Any:
    """Return what a key has with the words before it; None where they do not compose."""
    from hydra import compose, initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

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
    root = expanded([SearchCommand.outputs_dir, *outputs][-1]) / "search"
    study, slash, _ = value.partition("/")
    if trials and slash:
        yield from (f"{study}/{path.name}" for path in (root / study / "trials").glob("*"))
    else:
        yield from (f"{path.parent.name}{'/' * trials}" for path in root.glob("*/study.json"))


def _files(value: str) -> Iterator[str]:
    """Yield the paths that begin with what was typed; a folder's ends with a slash."""
    folder, slash, name = value.rpartition("/")
    place = expanded(f"{folder}{slash}" or ".")
    try:
        entries = sorted(place.iterdir())
    except OSError:
        return
    for entry in entries:
        hidden = entry.name.startswith(".") and not name.startswith(".")
        if entry.name.startswith(name) and not hidden:
            yield f"{folder}{slash}{entry.name}{'/' if entry.is_dir() else ''}"


EXIT_USER, EXIT_INTERRUPTED, EXIT_TERMINATED = 2, 130, 143


def run(command: str, task: Callable[[Any], None]) -> NoReturn:
    """Run a command from `sys.argv` and exit.

    Args:
        command: its name, which is also its file in `conf/`, such as `"search"`.
        task: takes the typed configuration; what it raises decides the exit code.
    """
    logging.basicConfig(stream=sys.stderr, format="%(message)s", level=logging.WARNING)
    logging.getLogger("ecomcat").setLevel(logging.INFO)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A category's name may hold letters that the terminal's encoding lacks.
            stream.reconfigure(errors="replace")
    forget_requests()
    signal.signal(signal.SIGTERM, _terminate)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Not where it is ignored, as in a shell's background.
        signal.signal(signal.SIGINT, _interrupt)
    try:
        _compose_and_call(command, task)
        sys.stdout.flush()
    except (UserError, HydraException, OmegaConfBaseException) as error:
        _end(f"Error: {explain(command, error)}", EXIT_USER)
    except KeyboardInterrupt:
        _end("Interrupted.", EXIT_INTERRUPTED)
    except SystemExit as ended:
        # Said last, after what became of the work.
        if ended.code == EXIT_TERMINATED:
            sys.stderr.write("Terminated.\n")
        raise
    except BrokenPipeError:
        # The reader of standard output has gone: what is left to flush has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _end("Error: whoever read standard output closed it before the end.", EXIT_USER)
    sys.exit(0)


def _compose_and_call(command: str, task: Callable[[Any], None]) -> None:
    import hydra

    asked = completion(command, sys.argv[1:])
    if asked is not None:
        sys.stdout.write(asked)
        return
    arguments = [_allow_free_key(argument) for argument in quote_overrides(sys.argv[1:])]
    check_overrides(arguments, command_groups(command))
    sys.argv[1:] = arguments
    # Without this Hydra prints an error by itself and ends with exit code 1.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    register_schemas()

    composed: list[DictConfig] = []
    main = hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name=command)
    main(composed.append)()
    # The task runs after Hydra, which would print a line of its own before any error; with
    # --help or --cfg there is nothing to run.
    for config in composed:
        refuse_unknown_keys(command, config)
        task(OmegaConf.to_object(config))


def _allow_free_key(argument: str) -> str:
    """Let `model.extra.name=value` add a key, which Hydra allows only after `++`."""
    return f"++{argument}" if argument.startswith(FREE_KEYS) else argument


def _terminate(_signal: int, _frame: object) -> NoReturn:
    request_stop(SystemExit(EXIT_TERMINATED))
    raise SystemExit(EXIT_TERMINATED)


def _interrupt(_signal: int, _frame: object) -> NoReturn:
    request_stop(KeyboardInterrupt())
    raise KeyboardInterrupt


def _end(message: str, code: int) -> NoReturn:
    sys.stderr.write(f"{message}\n")
    sys.exit(code)
