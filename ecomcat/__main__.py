"""`ecomcat` and `python -m ecomcat`: run a command by its name, or list the commands."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import NoReturn

from ecomcat import __version__
from ecomcat.command_config import COMMANDS, conf_dir
from ecomcat.errors import nearest


def main() -> NoReturn:
    """Run the command that the first argument names, with the others as its arguments."""
    name, *arguments = sys.argv[1:] or ["--help"]
    if name in COMMANDS:
        sys.argv = [f"ecomcat {name}", *arguments]
        import_module(f"ecomcat.{name}").main()
    from ecomcat.cli import EXIT_USER, end, show

    if name in {"--help", "-h"}:
        show(_list_commands())
        sys.exit(0)
    if name in {"--version", "-V"}:
        show(f"ecomcat {__version__}\n")
        sys.exit(0)
    end(
        EXIT_USER,
        f"Error: There is no command {name!r}.{nearest(name, COMMANDS)} "
        f"There are {', '.join(COMMANDS)}, each with --help.",
    )


def _list_commands() -> str:
    from ecomcat.help import leading_comment

    lines = [
        "ecomcat makes a text classifier from a table. Its commands, each with --help:",
        "",
    ]
    for command in COMMANDS:
        purpose, _, _ = leading_comment(conf_dir() / f"{command}.yaml").partition("\n\n")
        what, _, _ = " ".join(purpose.split()).partition(". ")
        lines += [f"ecomcat {command}", f"    {what.rstrip('.')}."]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
