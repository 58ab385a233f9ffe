"""The optional parts of the installation, and what to type where one is missing."""

from __future__ import annotations

import importlib.util

from ecomcat.errors import UserError


def is_installed(package: str) -> bool:
    """Return whether a package can be imported, without importing it."""
    return importlib.util.find_spec(package) is not None


def require_extra(extra: str, *packages: str, needed_for: str) -> None:
    """Refuse to go on without the packages of an extra.

    Args:
        extra: its name in `pyproject.toml`.
        packages: names by which they are imported.
        needed_for: what needs them, as a message begins.

    Raises:
        UserError: naming those that are missing and the line that installs them.
    """
    missing = [package for package in packages if not is_installed(package)]
    if missing:
        raise UserError(
            f"{needed_for}: expected the {'package' if len(missing) == 1 else 'packages'} "
            f"{', '.join(missing)}, found none. Install with: {pip_line(extra)}"
        )


def pip_line(extra: str) -> str:
    """Return the command that installs an extra."""
    return f'pip install "ecomcat[{extra}]"'
