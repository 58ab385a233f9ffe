"""Refuse requests that another web site makes a browser send, and tell browsers to be strict.

Every page that is open in the same machine's browser can reach a service on the loopback. Such a
page cannot read the answers, since there are no CORS headers; here its requests are refused, too.
A page whose own name was made to point to the loopback (DNS rebinding) is found by the Host header.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ecomcat.command_config import is_loopback
from ecomcat.serving.problems import busy, problem

logger = logging.getLogger("ecomcat")

HEALTH, READY, METRICS = "/health", "/ready", "/metrics"
IS_SPARE = "is_spare"
"""Key in the state of a request; true if it came by a connection beyond the limit."""

MAX_FIELDS = 100
"""The largest number of fields in a request's header, as Apache takes; each takes time."""

_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
_PROBED = (HEALTH, READY)
_CLOSE = {"connection": "close"}  # what is left of the body is not read
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
ADDED_HEADERS = {
    "cache-control": "no-cache",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


class Guard:
    """Wrap an application in these rules.

    `/health` and `/ready` accept any Host header: probes use the address, and the answers reveal
    nothing.

    Args:
        app: The application.
        allowed_hosts: Sequence of strings. Allowed Host headers: names with a port or, for any
            port, without; `*` allows everything.
        is_local: Boolean. Whether `localhost` and the addresses of the loopback are allowed, too.
    """

    def __init__(self, app: ASGIApp, allowed_hosts: Sequence[str], *, is_local: bool) -> None:
        self._app, self._is_local = app, is_local
        self._allowed = {host.lower() for host in allowed_hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        begun, is_spare = False, bool(scope.get("state", {}).get(IS_SPARE))

        async def send_with_headers(message: Message) -> None:
            nonlocal begun
            begun = True
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(ADDED_HEADERS)
                if is_spare:
                    MutableHeaders(scope=message).update(_CLOSE)
            await send(message)

        app = self._refusal(scope) or self._app
        # The server itself leaves out the body of an answer to HEAD; no answer is sent in parts.
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        headers = [field for field in scope["headers"] if field[0] != b"range"]
        passed = {**scope, "method": method, "headers": headers}
        try:
            await app(passed, receive, send_with_headers)
        except asyncio.CancelledError:  # as the server does after max_shutdown_seconds
            logger.warning("A request was cut off: it took longer than max_shutdown_seconds")
            if not begun:
                detail = "The service was stopped before this was answered. Ask again later."
                await busy(detail)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        if len(scope["headers"]) > MAX_FIELDS:
            return many_fields()
        if scope["path"] in _PROBED and scope["method"] in _SAFE_METHODS:
            return None
        if scope.get("state", {}).get(IS_SPARE) and scope["path"] != METRICS:
            return busy(
                "Expected at most max_connections connections, found more. Ask again later."
            )
        headers = Headers(scope=scope)
        host = ",".join(headers.getlist("host")).lower()
        if not self._is_allowed(host):
            return problem(
                HTTPStatus.BAD_REQUEST,
                "Expected the Host header of an address that this service is called by, found "
                "another. Use the address that it showed, or start it with allowed_hosts=[NAME].",
                _CLOSE,
            )
        if scope["method"] not in _SAFE_METHODS and not _is_own_page(headers, host):
            return problem(
                HTTPStatus.FORBIDDEN,
                "Expected a request from this service's own page or from a program, found one from "
                "another web site.",
                _CLOSE,
            )
        return None

    def _is_allowed(self, host: str) -> bool:
        name = _without_port(host)
        named = not self._allowed.isdisjoint({"*", host, name})
        return named or (self._is_local and is_loopback(name))


def many_fields() -> Response:
    """Return the answer to a header with too many fields."""
    detail = f"Expected at most {MAX_FIELDS} header fields, found more. Leave some out."
    return problem(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, detail, _CLOSE)


def is_from_here(scope: Scope) -> bool:
    """Tell whether a program on this machine asks, and not a proxy for somebody else."""
    headers = Headers(scope=scope)
    named = is_loopback(_without_port(headers.get("host", "")))
    client = (scope.get("client") or ("", 0))[0].removeprefix("::ffff:")
    return named and is_loopback(client) and not any(name in headers for name in _FORWARDED)


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() else host


def _is_own_page(headers: Headers, host: str) -> bool:
    """Tell whether a request comes from our page, or from no page at all."""
    if "cross-site" in headers.getlist("sec-fetch-site"):
        return False
    try:
        return all(urlsplit(each).netloc.lower() == host for each in headers.getlist("origin"))
    except ValueError:
        return False
