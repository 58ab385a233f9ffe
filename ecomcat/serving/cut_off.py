"""Tell a client whose request is cut off, since the service ends before it is answered."""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ecomcat.serving.problems import send_problem

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
