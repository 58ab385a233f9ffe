"""Refuse requests that another web site makes a browser send, and tell browsers to be strict.

A service on the loopback is reached by every page that is open in the same machine's browser. Such
a page cannot read the answers, since there are no CORS headers; here it may not even ask. A page
whose own name was made to point to the loopback (DNS rebinding) shows itself by the Host header.
Starlette's TrustedHostMiddleware knows neither ports nor IPv6 addresses.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Sequence
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger("ecomcat")

ANY_HOST = "*"
HEALTH = "/health"
_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_HTTP_PORT = 80
_SECURITY_HEADERS = {
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
        self._any = ANY_HOST in allowed_hosts
        self._allowed = {host.lower() for host in allowed_hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal begun
            begun = True
            if message["type"] == "http.response.start":
                security = [(k.encode(), v.encode()) for k, v in _SECURITY_HEADERS.items()]
                message["headers"] = [*message.get("headers", ()), *security]
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send_with_headers)
            return
        # The server itself leaves out the body of an answer to HEAD.
        passed = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
        try:
            await self._app(passed, receive, send_with_headers)
        except asyncio.CancelledError:  # as the server does after max_shutdown_seconds
            logger.warning("A request was cut off: it took longer than max_shutdown_seconds")
            if not begun:
                detail = "The service was stopped before this was answered. Ask again later."
                answer = _problem(HTTPStatus.SERVICE_UNAVAILABLE, detail)
                await answer(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        hosts = _values(scope, b"host")
        named = len(hosts) == 1 and self._is_allowed(hosts[0])
        if not named and scope["path"] != HEALTH:
            return _problem(
                HTTPStatus.BAD_REQUEST,
                "Expected the Host header of an address that this service is called by, found "
                "another. Use the address that it showed, or start it with allowed_hosts=[NAME].",
            )
        if scope["method"] not in _SAFE_METHODS and not _is_own_page(scope, hosts):
            return _problem(
                HTTPStatus.FORBIDDEN,
                "Expected a request from this service's own page or from a program, found one from "
                "another web site.",
            )
        return None

    def _is_allowed(self, host: str) -> bool:
        name, colon, port = host.rpartition(":")
        without_port = name if colon and port.isdecimal() else host
        return self._any or host in self._allowed or without_port in self._allowed


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def loopback_hosts(port: int) -> list[str]:
    """Return what the Host header may be to a service that only this machine reaches."""
    hosts = [f"{name}:{port}" for name in _LOOPBACK_NAMES]
    # Browsers leave the usual port out.
    return [*hosts, *_LOOPBACK_NAMES] if port == _HTTP_PORT else hosts


def _problem(status: HTTPStatus, detail: str) -> JSONResponse:
    # What is left of the body is not read.
    return JSONResponse({"detail": detail}, status, headers={"connection": "close"})


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1").lower() for key, value in scope["headers"] if key == name]


def _is_own_page(scope: Scope, hosts: Sequence[str]) -> bool:
    """Tell whether a request comes from our page, or from no page at all."""
    if "cross-site" in _values(scope, b"sec-fetch-site"):
        return False
    return all(_authority(origin) in hosts for origin in _values(scope, b"origin"))


def _authority(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None
