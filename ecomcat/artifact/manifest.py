"""The manifest of an exported folder: which files belong to it, and their hashes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from ecomcat.errors import UserError
from ecomcat.files import write_json

MANIFEST = "manifest.json"
_PROJECT, _FORMAT = "ecomcat", 1


def write_manifest(directory: Path, names: Iterable[str]) -> None:
    """Record the SHA-256 of each file of a folder."""
    files = {name: _sha256(directory / name) for name in names}
    content = {"project": _PROJECT, "format": _FORMAT, "files": files}
    write_json(directory / MANIFEST, content)


def read_manifest(directory: Path) -> dict[str, str] | None:
    """Return file names and hashes, or None when the folder carries no manifest of ours."""
    try:
        content = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
        if content["project"] == _PROJECT and content["format"] == _FORMAT:
            return {str(name): str(digest) for name, digest in content["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    return None


def require_export(directory: Path) -> dict[str, str]:
    """Refuse a folder that is not an exported model or lacks a file of it; no file is hashed.

    Returns:
        The names of its files and the hashes that they should have.

    Raises:
        UserError: naming what is missing.
    """
    if not directory.is_dir():
        raise UserError(
            f"Expected an exported model in {directory}, found no such folder. Run "
            "ecomcat.search first, or name the folder with model_dir=FOLDER."
        )
    files = read_manifest(directory)
    if files is None:
        raise UserError(
            f"Expected an exported model in {directory}, found no {MANIFEST} of ecomcat's there. "
            "Run ecomcat.search first, or name the folder with model_dir=FOLDER."
        )
    missing = [name for name in files if not (directory / name).is_file()]
    if missing:
        raise _incomplete(directory, "are missing", missing)
    return files


def check_manifest(directory: Path) -> set[str]:
    """Refuse a folder that is not an exported model, or whose files do not belong together.

    Returns:
        The names of its files; others that lie there are none of its own.

    Raises:
        UserError: naming what is missing or differs.
    """
    files = require_export(directory)
    changed = [name for name, digest in files.items() if _sha256(directory / name) != digest]
    if changed:
        raise _incomplete(directory, "are not those exported", changed)
    return set(files)


def _incomplete(directory: Path, problem: str, names: list[str]) -> UserError:
    return UserError(
        f"Expected the files that {directory / MANIFEST} lists; these {problem}: "
        f"{', '.join(sorted(names))}. Export the model again, or copy the whole folder again."
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
