"""What a run ends with: where things are, and what to type next."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ecomcat.config import PredictCommand, SearchCommand

logger = logging.getLogger("ecomcat")


def say_what_next(commands: Mapping[str, str]) -> None:
    """Log commands to copy, each with what it does.

    Args:
        commands: as they are typed, and what each does, in a few words.
    """
    logger.info("Next:")
    for command, does in commands.items():
        # A line of its own each: a terminal may wrap it, and it can still be copied whole.
        logger.info("  %s  # %s", command, does)


def say_what_next_after_search(config: SearchCommand, study: Path) -> None:
    """Say where model and study are, and how to use them.

    Args:
        config: of the run.
        study: its folder.
    """
    card = Path(config.model_dir) / "README.md"
    logger.info("Model: %s (how good it is, and what it is bad at: %s)", config.model_dir, card)
    logger.info("Study: %s (what was tried, what mattered: %s)", study, study / "report.html")
    say_what_next(
        {
            our_command("predict", "input=FILE", "output=FILE", model_dir=config.model_dir): (
                "label a file"
            ),
            our_command("serve", model_dir=config.model_dir): "try it in a browser",
            f"tensorboard --logdir {shlex.quote(config.outputs_dir)}": "look at the trials",
        }
    )


def our_command(command: str, *arguments: str, model_dir: str = PredictCommand.model_dir) -> str:
    """Return how one of our commands is typed.

    Args:
        command: its name, such as `"predict"`.
        arguments: its overrides.
        model_dir: the folder of the model, left out where it is the default.
    """
    if model_dir != PredictCommand.model_dir:
        arguments = (*arguments, f"model_dir={model_dir}")
    return shlex.join(["python", "-m", f"ecomcat.{command}", *arguments])


@contextmanager
def said_if_stopped(what: str) -> Iterator[None]:
    """Say what became of things when Ctrl-C or a signal stops the block.

    Args:
        what: in a sentence or two.
    """
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        logger.info("Stopped. %s", what)
        raise
