"""Put an exported folder in place: whole, or not at all, and nothing of the user's is lost."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ecomcat.artifact.manifest import MANIFEST, read_manifest
from ecomcat.errors import UserError

_KEPT = ".gitignore"


def require_replaceable(directory: Path) -> None:
    """Refuse to export over anything but an earlier export or an empty folder.

    Called before a search, so that nobody waits for an hour to be told.

    Raises:
        UserError: when the folder holds something else or cannot be written.
    """
    if directory.exists() and not directory.is_dir():
        raise UserError(f"Expected a folder at model_dir={directory}, found a file.")
    entries = {path.name for path in directory.iterdir()} if directory.is_dir() else set()
    if entries - {_KEPT} and read_manifest(directory) is None:
        raise UserError(
            f"Expected an earlier export or an empty folder at model_dir={directory}, found other "
            f"files ({', '.join(sorted(entries)[:3])}). Name another with model_dir=FOLDER; "
            "nothing there was touched."
        )
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=directory.parent).close()
    except OSError as error:
        raise UserError(
            f"Cannot write beside model_dir={directory}: {error.strerror}. Name another place."
        ) from error


@contextmanager
def replaced_folder(directory: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `directory` when the block ends well.

    Files in `directory` that its manifest does not list (a `.gitignore`, a user's notes) move
    along. If the process dies between the two renames, the former export stands beside it under
    `<name>.former`.

    Args:
        directory: the exported folder, which may not exist yet.
    """
    directory = directory.absolute()
    require_replaceable(directory)
    incoming = Path(tempfile.mkdtemp(dir=directory.parent, prefix=f".{directory.name}.incoming-"))
    former = directory.with_name(f".{directory.name}.former")
    try:
        yield incoming
        incoming.chmod(0o755)
        _copy_users_files(directory, incoming)
        if directory.exists():
            shutil.rmtree(former, ignore_errors=True)
            directory.rename(former)
        try:
            incoming.rename(directory)
        except OSError:
            if former.exists():
                former.rename(directory)
            raise
        shutil.rmtree(former, ignore_errors=True)
    except OSError as error:
        raise UserError(
            f"Cannot write the model to {directory}: {error.strerror or error}. Make room or name "
            "another place with model_dir=FOLDER, and run the same command again: the search is "
            "kept."
        ) from error
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


def _copy_users_files(directory: Path, incoming: Path) -> None:
    ours = {MANIFEST, *(read_manifest(directory) or {})}
    for entry in directory.iterdir() if directory.is_dir() else ():
        if entry.name not in ours and not (incoming / entry.name).exists():
            copy = shutil.copytree if entry.is_dir() else shutil.copy2
            copy(entry, incoming / entry.name)
