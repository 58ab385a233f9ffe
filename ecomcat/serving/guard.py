"""Refuse requests that another web site makes a browser send, and tell browsers to be strict.

A service on the loopback is reached by every page that is open in the same machine's browser. Such
a page cannot read the answers, since there are no CORS headers; here it may not even ask. A page
whose own name was made to point to the loopback (DNS rebinding) shows itself by the Host header.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger("ecomcat")

HEALTH = "/health"
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_ADDED_HEADERS = {
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

    `/health` is answered whatever the Host header: probes ask by address, and it tells nothing.

    Args:
        app: The application.
        allowed_hosts: Sequence of strings. What the Host header may be, each a name with a port
            or, for any port, without; `*` allows everything.
    """

    def __init__(self, app: ASGIApp, allowed_hosts: Sequence[str]) -> None:
        self._app = app
        self._allowed = {host.lower() for host in allowed_hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal begun
            begun = True
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_ADDED_HEADERS)
            await send(message)

        app = self._refusal(scope) or self._app
        # The server itself leaves out the body of an answer to HEAD.
        passed = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
        try:
            await app(passed, receive, send_with_headers)
        except asyncio.CancelledError:  # as the server does after max_shutdown_seconds
            logger.warning("A request was cut off: it took longer than max_shutdown_seconds")
            if not begun:
                detail = "The service was stopped before this was answered. Ask again later."
                answer = _problem(HTTPStatus.SERVICE_UNAVAILABLE, detail)
                await answer(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        headers = Headers(scope=scope)
        host = ",".join(headers.getlist("host")).lower()
        if not self._is_allowed(host) and scope["path"] != HEALTH:
            return _problem(
                HTTPStatus.BAD_REQUEST,
                "Expected the Host header of an address that this service is called by, found "
                "another. Use the address that it showed, or start it with allowed_hosts=[NAME].",
            )
        if scope["method"] not in _SAFE_METHODS and not _is_own_page(headers, host):
            return _problem(
                HTTPStatus.FORBIDDEN,
                "Expected a request from this service's own page or from a program, found one from "
                "another web site.",
            )
        return None

    def _is_allowed(self, host: str) -> bool:
        name, colon, port = host.rpartition(":")
        without_port = name if colon and port.isdecimal() else host
        return not self._allowed.isdisjoint({"*", host, without_port})


def _problem(status: HTTPStatus, detail: str) -> JSONResponse:
    # What is left of the body is not read.
    return JSONResponse({"detail": detail}, status, headers={"connection": "close"})


def _is_own_page(headers: Headers, host: str) -> bool:
    """Tell whether a request comes from our page, or from no page at all."""
    if "cross-site" in headers.getlist("sec-fetch-site"):
        return False
    try:
        return all(urlsplit(each).netloc.lower() == host for each in headers.getlist("origin"))
    except ValueError:
        return False
