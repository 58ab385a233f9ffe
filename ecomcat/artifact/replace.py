"""Put an exported folder in place: whole, or not at all, and nothing of the user's is lost."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ecomcat.artifact.manifest import MANIFEST, read_manifest
from ecomcat.errors import UserError
from ecomcat.files import file_mode_mask, require_writable, write_failure

_KEPT = ".gitignore"


def require_replaceable(directory: Path) -> None:
    """Refuse to export over anything but an earlier export or an empty folder.

    Called before a search, so that nobody waits for an hour to be told.

    Raises:
        UserError: when the folder holds something else or cannot be written.
    """
    if directory.exists() and not directory.is_dir():
        raise UserError(f"Expected a folder at model_dir={directory}, found a file.")
    if directory.resolve().is_mount():
        raise UserError(
            f"Expected a folder that can be replaced as a whole at model_dir={directory}, found a "
            f"mount point. Name a folder inside it: model_dir={directory / 'model'}."
        )
    try:
        entries = {path.name for path in directory.iterdir()} if directory.is_dir() else set()
    except OSError as error:
        raise UserError(f"Cannot read model_dir={directory}: {error.strerror}.") from error
    if entries - {_KEPT} and read_manifest(directory) is None:
        raise UserError(
            f"Expected an earlier export or an empty folder at model_dir={directory}, found other "
            f"files ({', '.join(sorted(entries)[:3])}). Name another with model_dir=FOLDER; "
            "nothing there was touched."
        )
    require_writable(directory, "model_dir")


@contextmanager
def replaced_folder(directory: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `directory` when the block ends well.

    Files in `directory` that its manifest does not list (a `.gitignore`, a user's notes) move
    along. If the process dies between the two renames, the former export stands beside it under
    `.<name>.former`; the next export puts it back first.

    Args:
        directory: the exported folder, which may not exist yet.
    """
    directory = directory.resolve()
    require_replaceable(directory)
    former = directory.with_name(f".{directory.name}.former")
    _put_back(former, directory)
    directory.parent.mkdir(parents=True, exist_ok=True)
    incoming = Path(tempfile.mkdtemp(dir=directory.parent, prefix=f".{directory.name}.incoming-"))
    try:
        yield incoming
        incoming.chmod(0o777 & ~file_mode_mask())
        _copy_users_files(directory, incoming)
        if directory.exists():
            shutil.rmtree(former, ignore_errors=True)
            directory.rename(former)
        try:
            incoming.rename(directory)
        except BaseException:
            if former.exists() and not directory.exists():
                former.rename(directory)
            raise
        shutil.rmtree(former, ignore_errors=True)
    except OSError as error:
        raise UserError(
            f"Cannot write the model to {directory}: {write_failure(error)} The search is kept; "
            "model_dir=FOLDER names another place."
        ) from error
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


def _put_back(former: Path, directory: Path) -> None:
    """Undo what an export that died between its two renames left."""
    if former.exists():
        require_replaceable(former)
        if not directory.exists():
            former.rename(directory)


def _copy_users_files(directory: Path, incoming: Path) -> None:
    ours = {MANIFEST, *(read_manifest(directory) or {})}
    for entry in directory.iterdir() if directory.is_dir() else ():
        if entry.name not in ours and not (incoming / entry.name).exists():
            if entry.is_dir() and not entry.is_symlink():
                shutil.copytree(entry, incoming / entry.name, symlinks=True)
            else:
                shutil.copy2(entry, incoming / entry.name, follow_symlinks=False)
