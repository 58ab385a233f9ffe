"""`python -m ecomcat.serve`: answer over HTTP with an exported model, and show a page to try it."""

from __future__ import annotations

import json
import logging
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
    from ecomcat.console import log_if_stopped
    from ecomcat.export.bundle import METRICS, require_export

    require_extra("serve", "fastapi", "uvicorn", needed_for="Serving")
    validate(config)
    directory = expanded(config.model_dir)
    require_export(directory)
    from ecomcat.serving.server import listen, run_server

    with listen(config.host, config.port) as listener:
        from ecomcat.export.classifier import load_classifier
        from ecomcat.serving.app import Answers, build_app

        logger.info("Opening the model in %s", directory)
        answers = Answers(load_classifier(directory, config.runtime), config.min_precision)
        metrics = json.loads((directory / METRICS).read_text("utf-8"))
        try:
            # The first call is the slowest: no request should wait for it.
            answers.probabilities(["a text"])
            with log_if_stopped("The same command serves again."):
                run_server(build_app(answers, metrics, config), listener, config)
        finally:
            answers.close()


def main() -> NoReturn:
    """Run the command."""
    run("serve", serve)


if __name__ == "__main__":
    main()
