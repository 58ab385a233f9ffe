"""Run the service: sockets, file descriptors, and the signals that stop it."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any

import uvicorn

from ecomcat.command_config import ServeCommand
from ecomcat.files import expanded
from ecomcat.serving.app import build_app
from ecomcat.serving.connections import SPARE_PLACES, Connection, FewLines, Places
from ecomcat.serving.queue import Answers

logger = logging.getLogger("ecomcat")

_WAITING_CONNECTIONS = 1024  # that the system holds until they are accepted
# asyncio accepts so many in a row before it handles one, and each takes a file descriptor.
_ACCEPTED_AT_ONCE = 16
_OTHER_DESCRIPTORS = 40  # files and libraries
_LOGGERS = ("uvicorn.error", "asyncio", "ecomcat")
_ENDED_BY_SIGNAL = 128  # and its number: the exit code
# After each read and write the loop waits for so long until a busy thread gives way.
_SWITCH_SECONDS = 0.0005
_TICKS_BETWEEN_CHECKS = 20  # there are ten in a second
_HEEDING_SECONDS = 0.4  # of it, until a busy process hears of the signal
_LAST_SECONDS = 1.4  # of the time for stopping, for the answers to requests that are cut off


def run_server(answers: Answers, listener: socket.socket, config: ServeCommand) -> None:
    """Open the model and serve until a signal asks to stop; then finish the current requests.

    The signal's own handler is called afterwards: it decides the exit code. If this takes longer
    than `max_shutdown_seconds`, the process ends with the same code, whatever is running.

    Args:
        answers: What answers, which has its model from here.
        listener: The socket, which listens, and is closed.
        config: The address, the model and the limits.

    Raises:
        UserError: When the model cannot be opened.
    """
    app = build_app(answers, config)
    settings = uvicorn.Config(
        app,
        http=partial(Connection, Places(_affordable(config.max_connections))),  # type: ignore[arg-type]
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        loop="asyncio",  # whose connections can read little at a time
        ws="none",
        backlog=_ACCEPTED_AT_ONCE,
        timeout_graceful_shutdown=config.max_shutdown_seconds - _LAST_SECONDS,  # type: ignore[arg-type]
    )
    server = _Server(settings, config, listener, answers)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        with _heeding_hangup(server), _few_lines():
            server.run([listener])
    finally:
        server.clock.cancel()
        sys.setswitchinterval(interval)
    if server.failure is not None:
        raise server.failure


class _Server(uvicorn.Server):
    def __init__(
        self,
        settings: uvicorn.Config,
        config: ServeCommand,
        listener: socket.socket,
        answers: Answers,
    ) -> None:
        super().__init__(settings)
        self._listener, self._answers = listener, answers
        self._directory = self._folder = expanded(config.model_dir)
        self._task: asyncio.Task[Any] | None = None
        self.failure: Exception | None = None
        self._asked, self._is_first = signal.SIGTERM, threading.Lock()
        seconds = config.max_shutdown_seconds - _HEEDING_SECONDS
        self.clock = threading.Timer(seconds, lambda: _end_now(self._asked))
        self.clock.daemon = True
        # As in a shell's background.
        self._ignores_interrupt = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        host = f"[{config.host}]" if ":" in config.host else config.host
        self._address = f"http://{host}:{listener.getsockname()[1]}"

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and open the model."""
        await super().startup(sockets)
        self._listener.listen(_WAITING_CONNECTIONS)
        self._task = asyncio.create_task(self._open())

    async def on_tick(self, counter: int) -> bool:
        """Open the model again where its link has changed."""
        if counter % _TICKS_BETWEEN_CHECKS == 0 and self._task is not None and self._task.done():
            before, self._folder = self._folder, self._directory.resolve()
            if self._folder != before:
                self._task = asyncio.create_task(self._answers.reload())
        return await super().on_tick(counter)

    async def _open(self) -> None:
        logger.info("Opening the model in %s", self._directory)
        self._folder = self._directory.resolve()
        try:
            await self._answers.open()
        except Exception as error:
            self.failure, self.should_exit = error, True
            return
        logger.info("Ready at %s (Ctrl-C stops)", self._address)
        logger.info(
            "Next: open it in a browser, or type: curl %s/predict -H 'Content-Type: "
            """application/json' -d '{"text": "Oak bookshelf, five shelves"}'""",
            self._address,
        )

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop, within the time for it; a closed terminal stops it as SIGTERM does."""
        if sig == signal.SIGINT and self._ignores_interrupt:
            return
        self._asked = signal.SIGINT if sig == signal.SIGINT else signal.SIGTERM
        if self._is_first.acquire(blocking=False):  # one signal may interrupt another's handler
            logger.info("Stopping, once the requests under way are answered")
            self.clock.start()
        super().handle_exit(self._asked, frame)


@contextmanager
def _few_lines() -> Iterator[None]:
    """Hold back lines of a kind that clients can cause by the thousand."""
    loggers, few = [logging.getLogger(name) for name in _LOGGERS], FewLines()
    for each in loggers:
        each.addFilter(few)
    try:
        yield
    finally:
        for each in loggers:
            each.removeFilter(few)


@contextmanager
def _heeding_hangup(server: _Server) -> Iterator[None]:
    """Have SIGHUP stop the server unless it is ignored, as by nohup."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        yield
        return
    before = signal.signal(signal.SIGHUP, server.handle_exit)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


@contextmanager
def ended_at_once(close: Callable[[], bool]) -> Iterator[None]:
    """End the process when a signal has ended the block, even while work is still running.

    Args:
        close: Function that ends the work, and returns whether none is running any more.
    """
    try:
        yield
    except (KeyboardInterrupt, SystemExit) as ended:
        if not close():
            # Python would wait for the threads, or pull them from under the libraries.
            _end_now(signal.SIGINT if isinstance(ended, KeyboardInterrupt) else signal.SIGTERM)
        raise
    finally:
        close()


def _end_now(number: int) -> None:
    """End the process, whatever its threads are doing."""
    word = "Interrupted." if number == signal.SIGINT else "Terminated."
    sys.stderr.write(f"{word}\n")
    sys.stderr.flush()
    os._exit(_ENDED_BY_SIGNAL + number)


def _affordable(max_connections: int) -> int:
    """Return for how many connections there are file descriptors, after raising the limit."""
    others = _OTHER_DESCRIPTORS + SPARE_PLACES + 2 * _ACCEPTED_AT_ONCE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    wanted = max_connections + others
    if soft != unlimited and soft < wanted:
        soft = wanted if hard == unlimited else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    found = max_connections if soft == unlimited else max(1, min(max_connections, soft - others))
    if found < max_connections:
        logger.warning(
            "Only %d connections at a time, not max_connections=%d: the process may open %d files. "
            "Raise its limit (ulimit -n).",
            *(found, max_connections, soft),
        )
    return found
