"""Run a command: compose its configuration, call its task, and end with the right exit code.

The codes are 0 for success, 1 for a fault of ours, 2 for what the user can fix, 130 for Ctrl-C, 143
for SIGTERM, and 141 where the reader of standard output stopped before the end. Logs and progress
go to standard error, results to standard output.
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import hydra
from hydra import version
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from ecomcat.command_config import COMMANDS, FIRST_KEYS, FORMER_KEYS, command_groups, conf_dir
from ecomcat.console import ConsoleHandler, printable, standard_output
from ecomcat.errors import UserError, first_line, nearest
from ecomcat.files import explained_limits
from ecomcat.help import help_page
from ecomcat.option_fields import declared_options, undeclared
from ecomcat.override_values import hydra_value
from ecomcat.process import forget_requests, request_stop

EXIT_USER, EXIT_INTERRUPTED, EXIT_BROKEN_PIPE, EXIT_TERMINATED = 2, 130, 141, 143
_SECONDS_OF_ONE_STOP = 1.0  # in which further signals are the same request
_FREE_KEY = re.compile(r"\w[\w-]*(\.\w[\w-]*)*", re.ASCII)


def compose(command: str, overrides: Iterable[str] = ()) -> Any:
    """Compose the typed configuration of a command.

    Args:
        command: String. The command's name, such as `"search"`.
        overrides: Iterable of strings, such as `"budget=quick"` or `"data.path=my file (1).csv"`.
            Paths and column names need no quotes.

    Returns:
        The command's dataclass of `ecomcat.command_config`.

    Raises:
        UserError: An override cannot be read, or names something that does not exist.

    >>> compose("search", ["model.lstm_units=[16,32]"]).model.lstm_units
    [16, 32]
    """
    config, _ = _compose(command, overrides)
    return _typed(config)


def _compose(command: str, overrides: Iterable[str]) -> tuple[DictConfig, Mapping[str, str]]:
    """Return the configuration, and the option that is chosen of each group."""
    overrides = list(overrides)
    named = {override.partition("=")[0] for override in overrides if "=" in override}
    keys = iter([key for key in FIRST_KEYS.get(command, ()) if key not in named])
    checked = [_checked_override(command, _with_key(override, keys)) for override in overrides]
    try:
        with _own_hydra():
            config = hydra.compose(command, checked, return_hydra_config=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(_explain(error)) from error
    choices = dict(config.hydra.runtime.choices)
    with open_dict(config):
        del config["hydra"]
    return config, choices


def _typed(config: DictConfig) -> Any:
    try:
        return OmegaConf.to_object(config)
    except OmegaConfBaseException as error:
        raise UserError(_explain(error)) from error


@cache
def _store_schemas() -> None:
    """Name the schemas as the defaults of the YAML files do."""
    for schema in dict.fromkeys(COMMANDS.values()):
        name = schema.__name__.removesuffix("Command").lower() + "_command"
        ConfigStore.instance().store(name=name, node=schema)


@contextmanager
def _own_hydra() -> Iterator[None]:
    """Begin our own Hydra, and leave that of a calling program as it is."""
    _store_schemas()
    others, base = GlobalHydra.instance().hydra, copy(version.VersionBase.instance())
    GlobalHydra.instance().clear()
    try:
        with hydra.initialize_config_dir(version_base="1.3", config_dir=str(conf_dir())):
            yield
    finally:
        GlobalHydra.instance().hydra = others
        version.VersionBase.set_instance(base)


def _with_key(argument: str, keys: Iterator[str]) -> str:
    key = None if "=" in argument else next(keys, None)
    return argument if key is None else f"{key}={argument}"


def _checked_override(command: str, argument: str) -> str:
    """Return an override as Hydra reads it, after checking its key."""
    name, equals, value = argument.partition("=")
    key = name.lstrip("+")
    if not equals or not key or key.startswith("~"):
        raise UserError(
            f"Cannot read the argument {argument!r}. Expected key=value, such as "
            "model.lstm_units=64, 'model.lstm_units=32..128 step 32' or data=sample."
        )
    groups = command_groups(command)
    if key.replace(".", "/") in groups:
        return _checked_option(key.replace(".", "/"), value)
    options = declared_options(COMMANDS[command])
    parent = next((name for name in options if key.startswith(f"{name}.")), key)
    free = parent in options and options[parent].kind is dict and _FREE_KEY.fullmatch(key)
    advice = FORMER_KEYS.get(key)
    if advice or not (free or key in options):
        raise UserError(
            f"There is no key '{key}'."
            + (f" {advice}" if advice else nearest(key, [*options, *groups], dotted=True))
        )
    read = hydra_value(key, value, options.get(key) or undeclared(key))
    return f"{'++' if free else ''}{key}={read}"


def _checked_option(group: str, option: str) -> str:
    names = sorted(path.stem for path in (conf_dir() / group).glob("*.yaml"))
    if option not in names:
        raise UserError(
            f"{group.replace('/', '.')}: expected one of {', '.join(names)}, found {option!r}."
            + nearest(option, names)
        )
    return f"{group}={option}"


def _explain(error: Exception) -> str:
    """Turn an error of Hydra or OmegaConf into one line: the key, and what is wrong with it."""
    cause = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else error
    key = getattr(cause, "full_key", None)
    return (f"{key}: " if key else "") + first_line(cause).rstrip(".") + "."


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message[:1].upper()}{message[1:]}. See --help.")


def _parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--help", "-h", action="store_true")
    parser.add_argument("--cfg", "-c", choices=["job"])
    parser.add_argument("--shell-completion", "-sc", choices=["install=bash", "query=bash"])
    parser.add_argument("--multirun", "-m", action="store_true")
    return parser.parse_intermixed_args(list(arguments))


def run(command: str, task: Callable[[Any], object]) -> NoReturn:
    """Run a command from `sys.argv` and exit; what the task raises decides the exit code."""
    _open_closed_streams()
    logging.basicConfig(handlers=[ConsoleHandler()], format="%(message)s", level=logging.WARNING)
    logging.getLogger("ecomcat").setLevel(logging.INFO)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A category's name may hold letters that the terminal's encoding lacks.
            stream.reconfigure(errors="replace")
    _heed_signals()
    try:
        with explained_limits():
            _require_working_directory()
            _answer_or_call(command, task)
        with standard_output():
            pass  # output that is not flushed yet
    except UserError as error:
        end(EXIT_USER, f"Error: {error}")
    except KeyboardInterrupt:
        end(EXIT_INTERRUPTED, "Interrupted.")
    except SystemExit as ended:
        # Logged last, after the lines that say what happened to the work.
        if ended.code == EXIT_TERMINATED:
            end(EXIT_TERMINATED, "Terminated.")
        raise
    except BrokenPipeError:
        end(EXIT_BROKEN_PIPE)
    end(0)


def _open_closed_streams() -> None:
    """Open any closed standard stream, so that no other file gets its number.

    Reading finds nothing, writing to standard output fails as before; log lines are discarded.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            os.open(os.devnull, os.O_WRONLY if name == "stderr" else os.O_RDONLY)
            setattr(sys, name, os.fdopen(number, "r" if name == "stdin" else "w"))


def _require_working_directory() -> None:
    try:
        Path.cwd()
    except FileNotFoundError as error:
        raise UserError(
            "Expected a working directory, found that it was deleted. Change into another (cd)."
        ) from error


def _answer_or_call(command: str, task: Callable[[Any], object]) -> None:
    asked = _parse_arguments(sys.argv[1:])
    if asked.multirun:
        raise UserError(
            "--multirun is not supported, since its jobs would share one model folder. Search a "
            "list of values instead (model.lstm_units=[32,64]), or run the command once for each "
            "data set, with model_dir=FOLDER."
        )
    if asked.shell_completion:
        _complete(command, asked.shell_completion)
        return
    config, choices = _compose(command, asked.overrides)
    if asked.help:
        show(help_page(command, config, choices))
    elif asked.cfg:
        show(OmegaConf.to_yaml(config))
    else:
        task(_typed(config))


def _complete(command: str, asked: str) -> None:
    """Answer a shell with Hydra's completion of keys, groups and options."""
    from hydra._internal.core_plugins.bash_completion import BashCompletion

    # A shell asks the first word alone: not `ecomcat search`, nor `python -m ecomcat.search`.
    program, installs = f"ecomcat-{command}", asked == "install=bash"
    words = [sys.argv[0]] if installs else os.environ.get("COMP_LINE", "").split()
    if not words or Path(words[0]).name != program:
        raise UserError(
            f"Expected the program {program}, which alone has completion. Register it in bash: "
            f'eval "$({program} -sc install=bash)"'
        )
    with _own_hydra(), suppress(HydraException, OmegaConfBaseException):
        completion = BashCompletion(GlobalHydra.instance().config_loader())
        if installs:
            completion.install()
        else:
            completion.query(config_name=command)


def show(text: str) -> None:
    """Write to standard output; a reader such as `head` may stop early."""
    with suppress(BrokenPipeError), standard_output() as output:
        output.write(printable(text) if output.isatty() else text)


def _heed_signals() -> None:
    """Let SIGTERM, SIGHUP and Ctrl-C raise an exception, once for each request to stop."""
    forget_requests()
    last = -_SECONDS_OF_ONE_STOP

    def stop(number: int, _frame: object) -> None:
        nonlocal last
        before, last = last, time.monotonic()
        # Pressed five times at once it would interrupt the clean-up that the first one began.
        if last - before >= _SECONDS_OF_ONE_STOP:
            interrupted = number == signal.SIGINT
            error = KeyboardInterrupt() if interrupted else SystemExit(EXIT_TERMINATED)
            request_stop(error)
            raise error

    def unless_asked_for(lost: sys.UnraisableHookArgs) -> None:
        # In a finalizer Python would print it and continue, until `raise_if_requested`.
        if not isinstance(lost.exc_value, KeyboardInterrupt | SystemExit):
            before(lost)

    before, sys.unraisablehook = sys.unraisablehook, unless_asked_for
    signal.signal(signal.SIGTERM, stop)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # else nohup ignores it
        signal.signal(signal.SIGHUP, stop)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Not where it is ignored, as in a shell's background.
        signal.signal(signal.SIGINT, stop)


def end(code: int, message: str = "") -> NoReturn:
    """Exit with a last line, whatever signals come now."""
    # When Python ends, it replaces any other handler by the default one, without an exit code.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if message:
        with suppress(OSError):  # standard error may be full
            ConsoleHandler().emit(logging.makeLogRecord({"msg": message}))
    sys.exit(code)
