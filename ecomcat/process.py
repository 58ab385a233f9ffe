"""The process of a command: packages, cores, TensorFlow, and signals that stop it."""

from __future__ import annotations

import importlib.util
import math
import os
import platform
import resource
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from typing import Generic, TextIO, TypeVar

from ecomcat.errors import UserError, name_five

Result = TypeVar("Result")

_PACKAGES = ("ecomcat", "tensorflow", "keras", "keras-tuner", "scikit-learn", "tokenizers", "numpy")
_MIN_ADDRESS_SPACE = 5_000_000_000  # bytes; most of them are never used


def is_installed(package: str) -> bool:
    """Return whether a package can be imported, without importing it."""
    return importlib.util.find_spec(package) is not None


def package_versions() -> dict[str, str]:
    """Return the versions of the packages that influence the result."""
    versions = {"python": platform.python_version()}
    for name in _PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return versions


def require_extra(extra: str, *packages: str, needed_for: str) -> None:
    """Check that the packages of an extra are installed, by the names that are imported.

    Raises:
        UserError: Naming the missing ones and the line that installs them; also if there is too
            little address space for them.
    """
    missing = [package for package in packages if not is_installed(package)]
    if missing:
        raise UserError(
            f"{needed_for}: expected the {'package' if len(missing) == 1 else 'packages'} "
            f"{', '.join(missing)}, found none. Install with: {pip_line(extra)}"
        )
    if "sklearn" in packages:  # and so SciPy
        _require_address_space()


def pip_line(extra: str) -> str:
    """Return the command that installs an extra."""
    return f'pip install "ecomcat[{extra}]"'


def usable_cores(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Count the cores that this process may use; a container may limit them.

    Args:
        quota: Path. Where Linux says how many microseconds a period may be used, or `max`.
    """
    cores = os.cpu_count() or 1
    if sys.platform == "linux":
        cores = len(os.sched_getaffinity(0))
    try:
        allowed, period = map(int, quota.read_text(encoding="ascii").split())
        return max(1, min(cores, math.ceil(allowed / period)))
    except (OSError, ValueError):
        return cores


def import_tensorflow(*, gpus: bool = True) -> None:
    """Import TensorFlow without its notices, unless `TF_CPP_MIN_LOG_LEVEL` is set or it fails.

    Args:
        gpus: Boolean. Whether this process may use the GPUs that there are. Defaults to true.
    """
    _require_address_space()
    # The user's environment or home may choose another backend, or the old Keras.
    os.environ.update(KERAS_BACKEND="tensorflow", TF_USE_LEGACY_KERAS="0")
    if "tensorflow" in sys.modules or "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        _prepare_devices(gpus=gpus)
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    try:
        with silenced_stderr():
            # Looking for a GPU prints notices, too.
            _prepare_devices(gpus=gpus)
    finally:
        # A process begun by this one would take it for the user's choice.
        del os.environ["TF_CPP_MIN_LOG_LEVEL"]


def _require_address_space() -> None:
    """Refuse a limit (`ulimit -v`) under which TensorFlow aborts and SciPy hangs."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if 0 <= limit < _MIN_ADDRESS_SPACE:
        raise UserError(
            f"Expected at least {_MIN_ADDRESS_SPACE / 1e9:g} GB of address space for TensorFlow "
            f"and SciPy, found a limit of {limit / 1e9:.3g} GB. Raise it: ulimit -v unlimited."
        )


def _prepare_devices(*, gpus: bool) -> None:
    """Let each process take only the GPU memory that it needs; the first would else take all."""
    import tensorflow as tf

    if not gpus:
        with suppress(RuntimeError):  # one is in use already
            tf.config.set_visible_devices([], "GPU")
        return
    for device in tf.config.list_physical_devices("GPU"):
        with suppress(RuntimeError):  # the device is in use already
            tf.config.experimental.set_memory_growth(device, True)


def gpu_names() -> list[str]:
    """Return the names of the GPUs that TensorFlow may use in this process."""
    import tensorflow as tf

    details = tf.config.experimental.get_device_details
    found = tf.config.get_visible_devices("GPU")
    return [str(details(device).get("device_name", device.name)) for device in found]


def describe_device(
    gpus: Sequence[str], *, unwanted_by: str = "", devices: Path = Path("/dev")
) -> str:
    """Describe the device of this process, and why it does not use a GPU that is there.

    Args:
        gpus: Names of the GPUs that TensorFlow may use.
        unwanted_by: String. The setting that forbids GPUs, if any.
        devices: Path. Where Linux has its devices.
    """
    if gpus:
        return f"GPU ({name_five(gpus)})"
    unused = ""
    if any(devices.glob("nvidia[0-9]*")) or (devices / "kfd").exists():
        unused = "; a GPU is there and unused: TensorFlow lacks its libraries"
        if os.environ.get("CUDA_VISIBLE_DEVICES") in {"", "-1"}:
            unused = "; a GPU is there and hidden by CUDA_VISIBLE_DEVICES"
        elif unwanted_by:
            unused = f"; a GPU is there and unused: {unwanted_by}"
    cores = usable_cores()
    return f"CPU ({cores} {'core' if cores == 1 else 'cores'}){unused}"


@contextmanager
def silenced_stderr() -> Iterator[TextIO]:
    """Hold back what libraries write to file descriptor 2; show it when the block fails.

    What is written to the stream that is yielded is shown at once.
    """
    sys.stderr.flush()
    # A stream that a caller put in place of standard error may have no encoding.
    original, encoding = os.dup(2), getattr(sys.stderr, "encoding", None)
    with (
        os.fdopen(original, "w", encoding=encoding, errors="replace") as shown,
        tempfile.TemporaryFile() as held_back,
    ):
        os.dup2(held_back.fileno(), 2)
        try:
            yield shown
        except Exception:
            held_back.seek(0)
            os.write(original, held_back.read())
            raise
        finally:
            os.dup2(original, 2)


class Beside(Generic[Result]):
    """Compute something in a thread, from `start` on, while the block goes on.

    If the block fails, the thread ends at its next `raise_if_requested`.

    Args:
        compute: Function without arguments.

    >>> with Beside(lambda: 6 * 7) as product:
    ...     product.start()
    ...     product.result()
    42
    """

    def __init__(self, compute: Callable[[], Result]) -> None:
        self._compute = compute
        self._thread = ThreadPoolExecutor(1)
        self._started: Future[Result] | None = None

    def start(self) -> None:
        """Begin, unless it has begun."""
        self._started = self._started or self._thread.submit(self._compute)

    def result(self) -> Result:
        """Return what was computed, or compute it now."""
        return self._compute() if self._started is None else self._started.result()

    def __enter__(self) -> Beside[Result]:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        # Not the block's own error, which the thread could take for one of its own.
        stop = SystemExit()
        if error is not None:
            request_stop(stop)
        try:
            self._thread.shutdown()
        finally:
            if error is not None:
                _requested.remove(stop)


_requested: list[BaseException] = []


def request_stop(error: BaseException) -> None:
    """Remember the exception that a signal's handler is about to raise.

    Python raises a signal's exception wherever it happens to be. In a finalizer the exception is
    printed and lost, and freeing an old network runs thousands of finalizers.
    """
    _requested.append(error)


def forget_requests() -> None:
    """Forget the requests to stop an earlier command in this process."""
    _requested.clear()


def raise_if_requested() -> None:
    """Raise the exception of a signal's handler again, in case it was lost."""
    if _requested:
        raise _requested[-1]
