"""`python -m ecomcat.serve`: answer over HTTP with an exported model, and show a page to try it."""

from __future__ import annotations

import socket
from functools import partial

from ecomcat.cli import run
from ecomcat.command_config import ServeCommand
from ecomcat.errors import UserError
from ecomcat.files import expanded
from ecomcat.option_fields import validate
from ecomcat.process import require_extra


def serve(config: ServeCommand) -> None:
    """Serve an exported model until a signal asks to stop.

    Raises:
        UserError: For whatever the user can fix.
    """
    from ecomcat.console import log_if_stopped
    from ecomcat.export.bundle import require_export

    require_extra("serve", "fastapi", "uvicorn", "prometheus_client", needed_for="Serving")
    validate(config)
    directory = expanded(config.model_dir)
    require_export(directory)
    with listen(config.host, config.port) as listener:
        from ecomcat.serving.access_log import log_json_lines
        from ecomcat.serving.queue import Answers
        from ecomcat.serving.server import ended_at_once, run_server

        if config.log_format == "json":
            log_json_lines()
        answers = Answers(config)
        with (
            ended_at_once(answers.close),
            log_if_stopped("The same command serves again."),
        ):
            run_server(answers, listener, config)


def listen(host: str, port: int) -> socket.socket:
    """Open the socket that the service listens on; clients that connect wait until it serves.

    Raises:
        UserError: It cannot be opened.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise UserError(
            f"host={host}: expected an address or a name of this machine, found neither "
            f"({error}). Use host=127.0.0.1 for this machine alone."
        ) from error
    family, kind, protocol, _, address = found[0]
    # If the protocol is given, asyncio sends small answers at once, not 40 ms later.
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


main = partial(run, "serve", serve)

if __name__ == "__main__":
    main()
