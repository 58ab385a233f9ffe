"""`python -m ecomcat.serve`: answer over HTTP with an exported model, and show a page to try it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import NoReturn

from ecomcat.cli import run
from ecomcat.commands import ServeCommand
from ecomcat.files import expanded
from ecomcat.options import validate
from ecomcat.process import require_extra

logger = logging.getLogger("ecomcat")


def serve(config: ServeCommand) -> None:
    """Serve an exported model until a signal asks to stop.

    Raises:
        UserError: For whatever the user can fix.
    """
    from ecomcat.export.bundle import require_export

    require_extra("serve", "fastapi", "uvicorn", needed_for="Serving")
    validate(config, _host_problems(config))
    directory = expanded(config.model_dir)
    require_export(directory)

    from ecomcat.console import log_if_stopped
    from ecomcat.serving.server import listen, run_server

    with listen(config.host, config.port) as listener:
        from ecomcat.export.classifier import load_classifier
        from ecomcat.serving.answers import Answers
        from ecomcat.serving.app import build_app
        from ecomcat.serving.schemas import read_metrics

        logger.info("Opening the model in %s", directory)
        answers = Answers(load_classifier(directory, config.runtime), config.min_precision)
        try:
            # The first call is the slowest: no request should wait for it.
            answers.probabilities(["a text"])
            port = listener.getsockname()[1]
            with log_if_stopped("The same command serves again."):
                run_server(
                    build_app(answers, read_metrics(directory), config, port), listener, config
                )
        finally:
            answers.close()


def _host_problems(config: ServeCommand) -> Iterator[str]:
    from ecomcat.serving.guard import is_loopback

    if config.host.strip() and not is_loopback(config.host) and not config.allowed_hosts:
        yield (
            f"host={config.host}: expected allowed_hosts with an address that other machines "
            "reach, found none. Name the hosts that the service is called by, such as "
            "allowed_hosts=[models.example.com], so that no other web site can pose as it; "
            "allowed_hosts=['*'] allows every name."
        )


def main() -> NoReturn:
    """Run the command."""
    run("serve", serve)


if __name__ == "__main__":
    main()
