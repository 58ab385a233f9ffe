"""Connections: no silent or slow one keeps others out, and some are reserved for `/health`.

uvicorn lets a connection wait for its header forever. This is its protocol with a time limit and
a limit on the number of connections.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
import time
from contextlib import suppress
from http import HTTPStatus
from typing import Any, cast

import h11
from starlette.responses import Response
from uvicorn.protocols.http.h11_impl import H11Protocol

from ecomcat.serving.guard import ADDED_HEADERS, IS_SPARE, MAX_FIELDS, many_fields
from ecomcat.serving.problems import problem

SPARE_PLACES = 32
"""Connections beyond the limit, which get only an answer that says so."""

_END_OF_HEADER = re.compile(rb"\n\r?\n")
# Read at a time: a thousand tiny chunks take a while to parse; a body of known length takes none.
_READ_BYTES, _MAX_READ_BYTES = 1 << 13, 1 << 16
_LONG_SECONDS = 0.002  # of parsing such a part, after which others come first
_RESTS = 4  # times as long as the parsing took
_STALL_SECONDS = 30.0  # in which a client does not read its answer
_LINE_SECONDS = 10.0  # between two log lines of one kind


class Places:
    """All connections, and which of them is closed for a new one.

    Beyond `max_connections` a new one replaces the one that has kept the service waiting for
    longest. If none has, it gets one of a few spare places, where only `/health` and the like are
    answered; the oldest waiting one there is closed at once for the next.

    Args:
        max_connections: Integer. How many connections get an ordinary place.
        header_seconds: Float. Time for a whole header, from the connection or the last answer.
        min_silent_seconds: Float. Silent time in which a connection is not closed for another.
    """

    def __init__(
        self, max_connections: int, header_seconds: float = 10.0, min_silent_seconds: float = 1.0
    ) -> None:
        self.max_connections = max_connections
        self.header_seconds, self.min_silent_seconds = header_seconds, min_silent_seconds
        self._rested_at = 0.0
        self._ordinary: set[Connection] = set()
        self._spare: set[Connection] = set()

    def take(self, connection: Connection) -> bool:
        """Give a connection a place; return whether it is an ordinary one."""
        limited, full = self._ordinary, len(self._ordinary) >= self.max_connections
        if full and not _close_silent(self._ordinary, self.min_silent_seconds):
            limited = self._spare
            if len(self._spare) >= SPARE_PLACES and not _close_silent(self._spare, 0.0):
                connection.transport.abort()
        limited.add(connection)
        return limited is self._ordinary

    def leave(self, connection: Connection) -> None:
        """Free a connection's place."""
        self._ordinary.discard(connection)
        self._spare.discard(connection)

    def rest(self, connection: Connection, seconds: float) -> None:
        """Read nothing from a connection for a while, since parsing a part of it took long.

        All such connections rest one after another, so that together they take a fifth of the
        time, however many there are.
        """
        loop = connection.loop
        self._rested_at = max(self._rested_at, loop.time()) + _RESTS * seconds
        connection.transport.pause_reading()
        loop.call_at(self._rested_at, connection.read_on)


def _close_silent(connections: set[Connection], min_seconds: float) -> bool:
    """Close the connection that has been silent for longest, if that is long enough."""
    longest = min(connections, key=lambda each: each.silent_since)
    if longest.silent_since > longest.loop.time() - min_seconds:
        return False
    connections.discard(longest)
    longest.transport.abort()
    return True


class Connection(H11Protocol):
    """A connection that is closed if the other side keeps it waiting.

    Args:
        places: All connections.
        options: Arguments that uvicorn gives a protocol.

    Attributes:
        silent_since: Float. When it began to wait for a request; infinite once that is complete.
    """

    def __init__(self, places: Places, **options: Any) -> None:
        super().__init__(**options)
        self._places = places
        self._waiting: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._lines, self._end_of_part = 0, b""  # of a header
        self.silent_since = math.inf

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a place, and wait for the first header."""
        super().connection_made(transport)
        if not self._places.take(self):
            self.app_state = {**self.app_state, IS_SPARE: True}
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the place."""
        self._places.leave(self)
        for timer in filter(None, (self._waiting, self._stalled)):
            timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Receive a part of a request."""
        # The rest of a body that was answered early is not a header.
        if self.conn.their_state is h11.IDLE and self._has_many_fields(data):
            self._refuse(many_fields())
            return
        began = time.thread_time()
        super().data_received(data)
        self._watch()
        if (seconds := time.thread_time() - began) > _LONG_SECONDS:
            self._places.rest(self, seconds)
        elif self.headers and any(name == b"content-length" for name, _ in self.headers):
            self._read_bytes(_MAX_READ_BYTES)

    def _has_many_fields(self, data: bytes) -> bool:
        """Count the lines of a header before it is parsed; the first one is not a field."""
        known, data = len(self._end_of_part), self._end_of_part + data
        end = _END_OF_HEADER.search(data)
        self._lines += data.count(b"\n", known, end.start() if end else len(data))
        self._end_of_part = data[-2:]
        return self._lines > MAX_FIELDS + 1

    def read_on(self) -> None:
        """Receive the next part, unless the last one still waits to be used."""
        if not self.flow.read_paused:
            self.transport.resume_reading()

    def on_response_complete(self) -> None:
        """Wait for the next header, or for the client to read what it asked for."""
        super().on_response_complete()
        if self.transport.is_closing():
            self.loop.call_later(_STALL_SECONDS, self.transport.abort)
        else:
            self._watch()

    def pause_writing(self) -> None:
        """Wait for the client to read, but not forever."""
        super().pause_writing()
        self._stalled = self.loop.call_later(_STALL_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Continue, since the client reads."""
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()

    def send_400_response(self, msg: str) -> None:
        """Answer a message that is not HTTP like any other error."""
        detail = "Expected a request of HTTP/1.1, found something else. Ask with a client of HTTP."
        self._refuse(problem(HTTPStatus.BAD_REQUEST, detail))

    def _refuse(self, answer: Response) -> None:
        answer.headers.update({**ADDED_HEADERS, "connection": "close"})
        head = h11.Response(
            status_code=answer.status_code,
            headers=answer.raw_headers,
            reason=HTTPStatus(answer.status_code).phrase.encode(),
        )
        # Where an answer has begun there is no room for another one.
        with suppress(h11.LocalProtocolError):
            for event in (head, h11.Data(data=cast(bytes, answer.body)), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self._close()

    def _watch(self) -> None:
        """Start the clock if no request is being processed; stop it if one is."""
        waits = self.cycle is None or self.cycle.response_complete
        if waits and self._waiting is None:
            self._read_bytes(_READ_BYTES)
            self.silent_since = self.loop.time()
            self._waiting = self.loop.call_later(self._places.header_seconds, self._close)
        elif not waits and self._waiting is not None:
            self._waiting.cancel()
            self._lines, self._end_of_part = 0, b""
            # Until the whole body is there, the connection counts as waiting for the client.
            self._waiting, self.silent_since = None, self.loop.time()
        if not waits and not self.cycle.more_body:
            self.silent_since = math.inf

    def _read_bytes(self, count: int) -> None:
        self.transport.max_size = count  # type: ignore[attr-defined]

    def _close(self) -> None:
        self.transport.close()
        self.loop.call_later(_STALL_SECONDS, self.transport.abort)


class FewLines(logging.Filter):
    """Log one line of a kind in ten seconds, and count the others."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, float] = {}
        self._held_back: dict[str, int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a line is logged."""
        kind, now = str(record.msg)[:80], time.monotonic()
        if now - self._last.get(kind, -math.inf) < _LINE_SECONDS:
            self._held_back[kind] = self._held_back.get(kind, 0) + 1
            return False
        if more := self._held_back.pop(kind, 0):
            record.msg = f"{record.msg} ({more} more such lines since the last one)"
        if len(self._last) > 1000:
            self._last.clear()
        self._last[kind] = now
        return True
