"""Write `model/`: the files to deploy, and those that document the model."""

from __future__ import annotations

import json
import logging
import pickle
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from ecomcat.errors import UserError
from ecomcat.export.card import model_card
from ecomcat.files import (
    copy_permissions,
    exchanged,
    followed,
    is_read_only,
    locked,
    remove_abandoned,
    require_writable,
    sha256_of,
    write_failure,
    write_json,
    write_text,
)
from ecomcat.json_files import UnreadableError, read_json
from ecomcat.model.confidence import Acceptance
from ecomcat.model.taxonomy import LevelAcceptance
from ecomcat.wording.summary import Metrics

if TYPE_CHECKING:
    import keras
    from tokenizers import Tokenizer

    from ecomcat.command_config import SearchCommand
    from ecomcat.text.encoding import EncodedTexts

logger = logging.getLogger("ecomcat")

MANIFEST, _PROJECT, _FORMAT = "manifest.json", "ecomcat", 2
MODEL, ONNX_MODEL = "model.keras", "model.onnx"
TOKENIZER, TOKENIZER_PICKLE = "tokenizer.json", "tokenizer.pkl"
LABELS, CONFIG, METRICS, CARD = "labels.json", "config.yaml", "metrics.json", "README.md"
TRAINED_ROWS, ACCEPTANCE = "trained_rows.npy", "acceptance.json"
_USERS = ".gitignore"  # may be in a folder that is otherwise empty


class Manifest(TypedDict):
    """What belongs to an export: the SHA-256 of each file by its name."""

    project: str
    format: int
    files: dict[str, str]


def write_manifest(directory: Path, names: Iterable[str]) -> None:
    """Record the SHA-256 of each file of a folder."""
    files = {name: sha256_of(directory / name) for name in names}
    content = {"project": _PROJECT, "format": _FORMAT, "files": files}
    write_json(directory / MANIFEST, content)


def read_manifest(directory: Path) -> Manifest | None:
    """Return the manifest, of any format, or None when the folder has none of ours."""
    try:
        found: Manifest = read_json(directory / MANIFEST, Manifest)
    except UnreadableError:
        return None
    # Only files of its own folder: no name may lead elsewhere.
    is_ours = all(Path(name).name == name for name in found["files"])
    return found if is_ours and found["project"] == _PROJECT else None


def require_export(directory: Path) -> dict[str, str]:
    """Return the names and hashes of an exported model's files, without reading them.

    Raises:
        UserError: When the folder is not an exported model, or one of its files is missing.
    """
    if not directory.exists():
        with suppress(OSError), locked(followed(directory).parent):
            _put_back(followed(directory))
    manifest = read_manifest(directory)
    if manifest is None:
        found = f"{MANIFEST} of ecomcat's there" if directory.is_dir() else "such folder"
        raise UserError(
            f"Expected an exported model in {directory}, found no {found}. Run ecomcat.search "
            "first, or name the folder with model_dir=FOLDER."
        )
    if manifest["format"] != _FORMAT:
        raise UserError(
            f"Expected a model in format {_FORMAT} in {directory}, found format "
            f"{manifest['format']}, of another version. Search again, and export to this folder."
        )
    missing = [name for name in manifest["files"] if not (directory / name).is_file()]
    _refuse(directory, "are missing", missing)
    return manifest["files"]


def check_manifest(directory: Path) -> set[str]:
    """Return the names of an exported model's files after checking that none has changed.

    Raises:
        UserError: When the folder is not an exported model, or a file is missing or differs.
    """
    files = require_export(directory)
    changed = [name for name, digest in files.items() if sha256_of(directory / name) != digest]
    _refuse(directory, "are not those exported", changed)
    return set(files)


def _refuse(directory: Path, problem: str, names: list[str]) -> None:
    if names:
        raise UserError(
            f"Expected the files that {directory / MANIFEST} lists; these {problem}: "
            f"{', '.join(sorted(names))}. Export the model again, or copy the whole folder again."
        )


def require_replaceable(directory: Path) -> None:
    """Refuse to export over anything but an earlier export or an empty folder.

    Raises:
        UserError: When the folder holds something else or cannot be written.
    """
    parent = followed(directory).parent
    # While another export takes two steps, there is no folder for a moment.
    with locked(parent) if parent.is_dir() else nullcontext():
        _refuse_place(directory)
        _refuse_users_files(directory)
    require_writable(directory, "model_dir")


def _refuse_place(directory: Path) -> None:
    if directory.exists() and not directory.is_dir():
        raise UserError(f"Expected a folder at model_dir={directory}, found a file.")
    if followed(directory).is_mount():
        raise UserError(
            f"Expected a folder that can be replaced as a whole at model_dir={directory}, found a "
            f"mount point. Name a folder inside it: model_dir={directory / 'model'}."
        )
    if is_read_only(directory):
        raise UserError(
            f"Expected a folder that may be written to at model_dir={directory}, found a read-only "
            "one. Allow it (chmod u+w), or name another with model_dir=FOLDER."
        )


def _refuse_users_files(directory: Path) -> None:
    try:
        entries = {path.name for path in directory.iterdir()} if directory.is_dir() else set()
    except OSError as error:
        raise UserError(f"Cannot read model_dir={directory}: {error.strerror}.") from error
    former = _former(followed(directory))
    if former.exists() and read_manifest(former) is None:
        raise UserError(
            f"Expected nothing of yours at {former}, where an earlier export is put for a moment; "
            "found other files. Move them away, or name another place with model_dir=FOLDER."
        )
    if entries - {_USERS} and read_manifest(directory) is None:
        raise UserError(
            f"Expected an earlier export or an empty folder at model_dir={directory}, found other "
            f"files ({', '.join(sorted(entries)[:3])}). Name another with model_dir=FOLDER; "
            "nothing there was touched."
        )


@contextmanager
def replaced_folder(directory: Path) -> Iterator[Path]:
    """Yield an empty folder that replaces an export when the block ends without an error.

    Files that the export's manifest does not list (a `.gitignore`, a user's notes) are copied.
    Several exports to one place, and readers of it within `held_export`, wait for one another.
    The new and the old folder are exchanged in one step. Some systems need two, with no folder for
    a moment; if the process dies then, the old export is beside its place as `.<name>.former`, and
    the next command that exports or opens the model puts it back first.

    Args:
        directory: The exported folder, which may not exist yet.
    """
    directory = followed(directory)
    require_replaceable(directory)
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            with locked(directory.parent):
                _put_in_order(directory)
                incoming = _new_incoming(directory)
                stack.callback(shutil.rmtree, incoming, ignore_errors=True)
                stack.enter_context(locked(incoming))
            yield incoming
            with locked(directory.parent):
                _exchange(directory, incoming)
    except OSError as error:
        raise UserError(
            f"Cannot write the model to {directory}: {write_failure(error)} The search is saved; "
            "model_dir=FOLDER names another place."
        ) from error


def _put_in_order(directory: Path) -> None:
    """Restore or remove what killed exports to a place have left."""
    _put_back(directory)
    if _former(directory).exists():  # beside the new one: its process died after both renames
        _former(directory).rename(_new_incoming(directory))
    remove_abandoned(directory.parent, _incoming(directory))


def _exchange(directory: Path, incoming: Path) -> None:
    """Exchange a new export with the former one."""
    _copy_users_files(directory, incoming)
    copy_permissions(incoming, directory)
    if not directory.exists():
        incoming.rename(directory)
        return
    with locked(directory):
        if exchanged(incoming, directory):
            return
        directory.rename(_former(directory))
        try:
            incoming.rename(directory)
        except BaseException:
            _put_back(directory)
            raise
        _former(directory).rename(incoming)


@contextmanager
def held_export(directory: Path) -> Iterator[None]:
    """Keep an export in its place while it is read."""
    directory = followed(directory)
    with ExitStack() as stack:
        # If it is missing or cannot be read, the reader reports that.
        with suppress(OSError), locked(directory.parent, shared=True):
            stack.enter_context(locked(directory, shared=True))
        yield


def _former(directory: Path) -> Path:
    return directory.with_name(f".{directory.name}.former")


def _incoming(directory: Path) -> str:
    return f".{directory.name}.incoming-"


def _new_incoming(directory: Path) -> Path:
    return Path(tempfile.mkdtemp(dir=directory.parent, prefix=_incoming(directory)))


def _put_back(directory: Path) -> None:
    """Put a former export back into its place, if nothing is there."""
    if not directory.exists() and read_manifest(_former(directory)) is not None:
        _former(directory).rename(directory)


def _copy_users_files(directory: Path, incoming: Path) -> None:
    former = read_manifest(directory)
    ours = {MANIFEST, *(former["files"] if former else ())}
    for entry in directory.iterdir() if directory.is_dir() else ():
        if entry.name not in ours and not (incoming / entry.name).exists():
            if entry.is_dir() and not entry.is_symlink():
                shutil.copytree(entry, incoming / entry.name, symlinks=True)
            else:
                shutil.copy2(entry, incoming / entry.name, follow_symlinks=False)


def export_model(
    directory: Path,
    *,
    model: keras.Model,
    onnx_texts: EncodedTexts | None,
    tokenizer: Tokenizer,
    labels: Sequence[str],
    config: SearchCommand,
    trained_on: Mapping[str, Any],
    metrics: Metrics,
    acceptance: Acceptance,
    trained_rows: Iterable[bytes],
    levels: LevelAcceptance | None = None,
) -> None:
    """Write the complete folder, replacing an earlier export.

    Args:
        directory: The folder.
        model: Keras model from ids to probabilities.
        onnx_texts: Texts that `model.onnx` must answer as the model does; None leaves it out.
        tokenizer: Tokenizer that gives exactly these ids.
        labels: Names of the categories, in the order of the model's outputs.
        config: Configuration of the run.
        trained_on: Names of the columns of texts, fields and labels, to find them in other files,
            and how many groups of letters are read of a text.
        metrics: All figures.
        acceptance: Validation answers for thresholds of confidence.
        trained_rows: Digests of the texts that the model was trained on.
        levels: The same for each level. Defaults to None, for labels without levels.

    Raises:
        UserError: Other files are there, the disk is full, or the ONNX file answers differently.
    """
    from omegaconf import OmegaConf

    separator = None if levels is None else levels.taxonomy.separator
    settings = {**asdict(config), "trained_on": {**trained_on, "label_separator": separator}}
    accepted = acceptance.describe() | ({} if levels is None else {"levels": levels.describe()})
    with replaced_folder(directory) as folder:
        model.save(folder / MODEL)
        if onnx_texts is not None:
            _write_onnx(folder / ONNX_MODEL, model, onnx_texts)
        write_text(folder / TOKENIZER, tokenizer.to_str(pretty=True))
        # For those who expect it; our own commands never open a pickle.
        (folder / TOKENIZER_PICKLE).write_bytes(pickle.dumps(tokenizer))
        write_json(folder / LABELS, list(labels))
        write_text(folder / CONFIG, OmegaConf.to_yaml(OmegaConf.create(settings)))
        write_json(folder / METRICS, metrics)
        write_text(folder / ACCEPTANCE, json.dumps(accepted) + "\n")
        write_text(folder / CARD, model_card(metrics, labels))
        rows = np.frombuffer(b"".join(sorted(trained_rows)), dtype=">u8")
        np.save(folder / TRAINED_ROWS, rows, allow_pickle=False)
        write_manifest(folder, sorted(path.name for path in folder.iterdir()))


def _write_onnx(path: Path, model: keras.Model, texts: EncodedTexts) -> None:
    """Write the model for ONNX Runtime, unless it has something that ONNX does not know."""
    from ecomcat.export.onnx import CannotConvertError, require_same_answers, write_onnx

    try:
        write_onnx(model, path)
    except CannotConvertError as error:
        path.unlink(missing_ok=True)
        logger.warning(
            "No %s: the network cannot be converted (%s). Commands will use Keras, which takes "
            "longer to start and to answer.",
            ONNX_MODEL,
            error,
        )
    else:
        require_same_answers(model, path, texts)
