"""Listen on an address, and answer until a signal asks to stop."""

from __future__ import annotations

import logging
import signal
import socket
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from ecomcat.commands import ServeCommand
from ecomcat.errors import UserError

logger = logging.getLogger("ecomcat")


def listen(host: str, port: int) -> socket.socket:
    """Open the socket that the service listens on; who connects waits until it is served.

    Raises:
        UserError: It cannot be had.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise UserError(
            f"host={host}: expected an address or a name of this machine, found neither "
            f"({error}). Use host=127.0.0.1 for this machine alone."
        ) from error
    family, kind, protocol, _, address = found[0]
    # With the protocol named, asyncio sends small answers at once, not 40 ms later.
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        listener.close()
        raise UserError(
            f"Cannot listen on port {port} of {host}: {error.strerror or error}. Choose "
            "another with port=NUMBER (0 for any that is free), or host=ADDRESS."
        ) from error
    return listener


def run_server(app: ASGIApp, listener: socket.socket, config: ServeCommand) -> None:
    """Serve until a signal asks to stop, end what is under way, and close the socket.

    The signal's own handler is called afterwards: it decides the exit code.
    """
    settings = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        ws="none",
        limit_concurrency=config.max_connections,
        timeout_graceful_shutdown=config.max_shutdown_seconds,
    )
    _Server(settings, config.host).run([listener])


class _Server(uvicorn.Server):
    """Log when it is ready, and heed Ctrl-C only where the command does."""

    def __init__(self, settings: uvicorn.Config, host: str) -> None:
        super().__init__(settings)
        self._host = f"[{host}]" if ":" in host else host
        # As in a shell's background.
        self._ignores_interrupt = signal.getsignal(signal.SIGINT) is signal.SIG_IGN

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            address = f"http://{self._host}:{sockets[0].getsockname()[1]}"
            logger.info("Ready at %s (Ctrl-C stops)", address)
            logger.info(
                "Next: open it in a browser, or type: curl %s/predict -H 'Content-Type: "
                """application/json' -d '{"text": "Oak bookshelf, five shelves"}'""",
                address,
            )

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if sig == signal.SIGINT and self._ignores_interrupt:
            return
        if not self.should_exit:
            logger.info("Stopping, once the requests under way are answered")
        super().handle_exit(sig, frame)
