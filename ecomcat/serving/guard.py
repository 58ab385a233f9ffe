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

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ecomcat.serving.schemas import send_problem

logger = logging.getLogger("ecomcat")


class CutOff:
    """Wrap an application, so that a request that is cancelled gets an answer and no traceback.

    The server cancels what is still under way when `max_shutdown_seconds` are over.

    Args:
        app: the application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on until it is answered or cancelled."""
        begun = False

        async def send_noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_noted)
        except asyncio.CancelledError:
            logger.warning("A request was cut off: it took longer than max_shutdown_seconds")
            if not begun:
                detail = "The service was stopped before this was answered. Ask again later."
                await send_problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, send)


ANY_HOST = "*"
_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_SECURITY_HEADERS = [
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
_HTTP_PORT = 80


class Guard:
    """Wrap an application in these rules.

    Args:
        app: the application.
        allowed_hosts: what the Host header may say, each a name with a port or, for any port,
            without; `*` allows everything.
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

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_SECURITY_HEADERS]
            await send(message)

        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send_with_headers)
        else:
            await send_problem(*refusal, send_with_headers)

    def _refusal(self, scope: Scope) -> tuple[HTTPStatus, str] | None:
        hosts = _values(scope, b"host")
        if len(hosts) != 1 or not self._is_allowed(hosts[0]):
            return (
                HTTPStatus.BAD_REQUEST,
                "Expected the Host header of an address that this service is called by, found "
                "another. Use the address that it showed, or start it with allowed_hosts=[NAME].",
            )
        if scope["method"] not in _SAFE_METHODS and not _is_own_page(scope, hosts[0]):
            return (
                HTTPStatus.FORBIDDEN,
                "Expected a request from this service's own page or from a program, found one from "
                "another web site.",
            )
        return None

    def _is_allowed(self, host: str) -> bool:
        return self._any or host in self._allowed or _without_port(host) in self._allowed


def loopback_hosts(port: int) -> list[str]:
    """Return what the Host header may say to a service that only this machine reaches."""
    hosts = [f"{name}:{port}" for name in _LOOPBACK_NAMES]
    # Browsers leave the usual port out.
    return [*hosts, *_LOOPBACK_NAMES] if port == _HTTP_PORT else hosts


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1").lower() for key, value in scope["headers"] if key == name]


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() else host


def _is_own_page(scope: Scope, host: str) -> bool:
    """Tell whether a request comes from our page, or from no page at all."""
    if "cross-site" in _values(scope, b"sec-fetch-site"):
        return False
    return all(_authority(origin) == host for origin in _values(scope, b"origin"))


def _authority(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None
