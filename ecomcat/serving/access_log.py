"""Number and count each request, and log it if that is asked for."""

from __future__ import annotations

import json
import logging
import re
import time
import uuid
from collections.abc import Collection
from datetime import UTC, datetime

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ecomcat.serving.monitoring import Monitor

logger = logging.getLogger("ecomcat.access")

REQUEST_ID = "x-request-id"
_GIVEN_ID = re.compile(r"[\w.:-]{1,64}", re.ASCII)
_METHODS = ("GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "PATCH")
_MAX_SHOWN = 200  # characters of a path that the client chose
_NO_STATUS = 499  # the client left before there was an answer, as nginx notes it


class Access:
    """Wrap an application: number its requests, count them, and log them.

    The number is the request's X-Request-ID if that is a short word, so that a proxy can choose
    it; it comes back in the answer. A line of the log has neither the text nor the query of a
    request.

    Args:
        app: The application.
        monitor: `Monitor`. Counts the requests.
        routes: Collection of strings. The paths that are answered, which are counted by name. A
            path that ends with a slash includes all below it.
        is_logged: Boolean. Whether each request gets a line.
    """

    def __init__(
        self, app: ASGIApp, monitor: Monitor, routes: Collection[str], *, is_logged: bool
    ) -> None:
        self._app, self._monitor, self._is_logged = app, monitor, is_logged
        self._routes = frozenset(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        began, status, size = time.monotonic(), _NO_STATUS, 0
        given = Headers(scope=scope).get(REQUEST_ID, "")
        number = given if _GIVEN_ID.fullmatch(given) else uuid.uuid4().hex

        async def send_numbered(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID] = number
            size += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, send_numbered)
        except Exception:
            logger.exception("Request %s failed", number)
            if status == _NO_STATUS:
                raise
        finally:
            self._note(scope, number, status, time.monotonic() - began, size)

    def _note(self, scope: Scope, number: str, status: int, seconds: float, size: int) -> None:
        """Count a request that has ended, and log it if that is asked for."""
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._monitor.request(self._route(scope["path"]), method, status, seconds)
        if not self._is_logged:
            return
        fields = {
            "id": number,
            "client": (scope.get("client") or [None])[0],
            "method": method,
            "path": scope["path"][:_MAX_SHOWN],
            "status": status,
            "seconds": round(seconds, 4),
            "bytes": size,
        }
        logger.info("Request", extra={"fields": fields})

    def _route(self, path: str) -> str:
        """Return one of a few names, however many different paths are requested."""
        folder = path[: path.find("/", 1) + 1]
        if folder in self._routes:
            return folder.rstrip("/")
        return path if path in self._routes else "other"


class JsonLines(logging.Formatter):
    """Write each line of the log as an object of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as a line: time, level, message, and what belongs to it."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        record.whole_line = True  # also in a terminal
        return json.dumps(line)


def log_json_lines() -> None:
    """Write every line of this process's log as JSON from now on."""
    for handler in logging.getLogger().handlers:
        handler.setFormatter(JsonLines())
