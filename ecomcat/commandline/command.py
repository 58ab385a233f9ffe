"""Run a command: compose its configuration, call its task, and end with the right exit code.

0 success, 1 our own fault, 2 something the user can mend, 130 Ctrl-C, 143 SIGTERM. Logs and
progress go to standard error; standard output carries results only.
"""

from __future__ import annotations

import io
import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ecomcat.commandline.completion import completion
from ecomcat.commandline.explain import FREE_KEYS, explain, refuse_unknown_keys
from ecomcat.commandline.overrides import check_overrides
from ecomcat.commandline.quoting import quote_overrides
from ecomcat.commandline.schemas import register_schemas
from ecomcat.config import command_groups, conf_dir
from ecomcat.errors import UserError
from ecomcat.stopping import forget_requests, request_stop

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
