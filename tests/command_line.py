"""Run a command within the test's own process, as its users do, and see how it ended."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn

import pytest
from hydra.core.global_hydra import GlobalHydra

_HANDLED = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code, standard output and standard error."""

    code: int
    output: str
    errors: str


@contextmanager
def command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Ended]]:
    """Yield `run(main, *arguments)`; whatever a command changes in the process is put back."""
    loggers = [logging.getLogger(), logging.getLogger("ecomcat")]
    levels = [logger.level for logger in loggers]
    hook = sys.unraisablehook
    handlers = {number: signal.getsignal(number) for number in _HANDLED}
    # Commands set it: named here so that it is put back.
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")

    def run(main: Callable[[], NoReturn], *arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["ecomcat", *arguments])
        GlobalHydra.instance().clear()
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return Ended(code, captured.out, captured.err)

    try:
        yield run
    finally:
        GlobalHydra.instance().clear()
        sys.unraisablehook = hook
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def heed_interrupts() -> None:
    """Heed Ctrl-C, which a shell's background ignores from birth; a `preexec_fn` of `Popen`."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
