"""`python -m ecomcat`: list the commands."""

from __future__ import annotations

import sys

from ecomcat.config import COMMANDS, conf_dir


def main() -> int:
    """Print each command with what it does; return the exit code."""
    import yaml

    lines = ["ecomcat turns a CSV of texts into a classifier. Its commands, each with --help:", ""]
    for command in COMMANDS:
        content = yaml.safe_load((conf_dir() / f"{command}.yaml").read_text(encoding="utf-8"))
        what, _, _ = content["hydra"]["help"]["header"].partition(". ")
        lines += [f"python -m ecomcat.{command}", f"    {what.rstrip('.')}."]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
