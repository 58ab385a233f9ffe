"""What a command needs of its environment: packages, cores, and heavy imports that come late."""

from __future__ import annotations

import importlib.util
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from importlib import import_module
from pathlib import Path

import pytest

from ecomcat import process
from ecomcat.cli import compose
from ecomcat.command_config import COMMANDS
from ecomcat.errors import UserError
from ecomcat.export.classifier import check_runtime
from ecomcat.process import (
    Beside,
    is_installed,
    raise_if_requested,
    require_extra,
    usable_cores,
)
from ecomcat.search import check_search
from tests.conftest import RunMain, run_program

Hide = Callable[..., None]


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Hide:
    """Return a function that makes packages look as if they were not installed."""
    find = importlib.util.find_spec

    def hide(*packages: str) -> None:
        monkeypatch.setattr(
            importlib.util,
            "find_spec",
            lambda name, package=None: None if name in packages else find(name, package),
        )

    return hide


@pytest.mark.parametrize(
    ("gpus", "devices", "hidden", "unwanted_by", "said"),
    [
        (["A", "B"], ["nvidia0"], None, "", "GPU (A, B)"),
        ([], [], None, "", "CPU (2 cores)"),
        ([], [], None, "a=0", "CPU (2 cores)"),
        ([], ["nvidiactl"], None, "", "CPU (2 cores)"),
        ([], ["nvidia0"], None, "", "CPU (2 cores); a GPU is there and unused: TensorFlow lacks"),
        ([], ["kfd"], None, "", "CPU (2 cores); a GPU is there and unused"),
        ([], ["nvidia0"], "-1", "", "CPU (2 cores); a GPU is there and hidden by CUDA_VISIBLE_D"),
        ([], ["nvidia0"], None, "a=0", "CPU (2 cores); a GPU is there and unused: a=0"),
    ],
)
def test_the_device_is_named_and_a_gpu_that_is_there_and_unused(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    gpus: list[str],
    devices: list[str],
    hidden: str | None,
    unwanted_by: str,
    said: str,
) -> None:
    monkeypatch.setattr(process, "usable_cores", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if hidden is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    for name in devices:
        (tmp_path / name).touch()
    described = process.describe_device(gpus, unwanted_by=unwanted_by, devices=tmp_path)
    assert described.startswith(said)


@pytest.mark.slow
@pytest.mark.parametrize("gpus", [True, False])
def test_a_process_that_may_use_no_gpu_sees_none(
    monkeypatch: pytest.MonkeyPatch, gpus: bool
) -> None:
    import tensorflow as tf

    hidden: list[object] = []
    monkeypatch.setattr(tf.config, "set_visible_devices", lambda *given: hidden.append(given))
    process.import_tensorflow(gpus=gpus)
    assert hidden == ([] if gpus else [([], "GPU")])


@pytest.mark.parametrize(("limit", "refused"), [(-1, False), (10**10, False), (10**9, True)])
def test_an_address_space_in_which_tensorflow_would_abort_is_refused(
    monkeypatch: pytest.MonkeyPatch, limit: int, refused: bool
) -> None:
    monkeypatch.setattr(process.resource, "getrlimit", lambda _: (limit, limit))
    monkeypatch.setattr(process, "_prepare_devices", lambda **_: None)
    for name in ("KERAS_BACKEND", "TF_USE_LEGACY_KERAS"):
        monkeypatch.setenv(name, "")  # and so put back
    message = (
        "at least 5 GB of address space for TensorFlow and SciPy, found a limit of 1 GB. Raise it"
    )
    with pytest.raises(UserError, match=message) if refused else nullcontext():
        process.import_tensorflow()


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("search", []),
        ("train", ["data=sample"]),
        ("audit", ["data.path=a.csv"]),
        ("evaluate", ["data.path=a.csv"]),
        ("compare", ["model", "model", "data.path=a.csv"]),
    ],
)
def test_a_command_that_needs_it_refuses_so_little_before_anything_else(
    monkeypatch: pytest.MonkeyPatch, run_main: RunMain, command: str, arguments: list[str]
) -> None:
    monkeypatch.setattr(process.resource, "getrlimit", lambda _: (10**9, 10**9))
    ended = run_main(import_module(f"ecomcat.{command}").main, *arguments)
    assert (ended.code, ended.output) == (2, "")
    assert ended.errors.startswith("Error: Expected at least 5 GB of address space")


def test_what_is_missing_is_named_with_the_line_that_installs_it() -> None:
    require_extra("train", "numpy", "json", needed_for="A test")
    assert is_installed("numpy") and not is_installed("no_such_package_at_all")
    with pytest.raises(UserError) as error:
        require_extra("train", "numpy", "no_such", "nor_this", needed_for="A test")
    assert str(error.value) == (
        "A test: expected the packages no_such, nor_this, found none. Install with: "
        'pip install "ecomcat[train]"'
    )


@pytest.mark.parametrize(
    ("hidden", "override", "message"),
    [
        (["tensorflow", "keras_tuner"], "seed=1", r"tensorflow, keras_tuner, found.*\[train\]"),
        (["ray"], "search.workers=2", r"\[cluster\].*search\.workers=1"),
        (["ray"], "search.cluster=auto", r"\[cluster\].*search\.workers=1"),
    ],
)
def test_a_search_without_its_packages_says_so_first(
    without: Hide, hidden: list[str], override: str, message: str
) -> None:
    config = compose("search", [override])
    without(*hidden)
    with pytest.raises(UserError, match=message):
        check_search(config)


@pytest.mark.parametrize(
    ("runtime", "hidden", "extra"),
    [
        ("auto", ["tensorflow"], None),
        ("auto", ["onnxruntime"], None),
        ("keras", ["onnxruntime"], None),
        ("onnx", ["tensorflow"], None),
        ("auto", ["onnxruntime", "tensorflow"], "serve"),
        ("onnx", ["onnxruntime"], "serve"),
        ("keras", ["tensorflow"], "train"),
    ],
)
def test_a_runtime_needs_its_own_package_alone(
    without: Hide, runtime: str, hidden: list[str], extra: str | None
) -> None:
    without(*hidden)
    if extra is None:
        check_runtime(runtime)
        return
    with pytest.raises(UserError, match=rf"ecomcat\[{extra}\]"):
        check_runtime(runtime)


@pytest.mark.parametrize("content", ["50000 100000", "100000 100000", "max 100000", "else", None])
def test_a_containers_share_of_the_processors_is_seen(tmp_path: Path, content: str | None) -> None:
    quota = tmp_path / "cpu.max"
    if content is not None:
        quota.write_text(content)
    assert usable_cores(quota) == (1 if content and "0 1" in content else usable_cores())


HEAVY = {"tensorflow", "keras", "keras_tuner", "numpy", "pandas", "sklearn", "optuna", "ray"}


DRY_RUN = ["search.dry_run=true", "data=sample", "data.sample_rows=400"]


@pytest.mark.parametrize(
    ("commands", "arguments", "may"),
    [([*COMMANDS], ["--help"], set()), (["search"], DRY_RUN, {"numpy", "pandas", "sklearn"})],
)
def test_help_and_a_dry_run_do_not_wait_for_what_is_heavy(
    tmp_path: Path, commands: list[str], arguments: list[str], may: set[str]
) -> None:
    program = f"""
import sys
from importlib import import_module
sys.argv = ["ecomcat", *{arguments}]
for command in {commands}:
    try:
        import_module("ecomcat." + command).main()
    except SystemExit as ended:
        print("ended:", command, ended.code, set(sys.modules) & {HEAVY - may})
"""
    ended = run_program(program, tmp_path)
    found = [line for line in ended.stdout.splitlines() if line.startswith("ended: ")]
    assert found == [f"ended: {command} 0 set()" for command in commands], ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_is_computed_beside_a_block_begins_before_it_is_asked_for() -> None:
    calls: list[int] = []
    begun = threading.Event()

    def compute() -> int:
        calls.append(1)
        begun.set()
        return 42

    with Beside(compute) as answer:
        answer.start()
        assert begun.wait(timeout=60)
        answer.start()
        assert answer.result() == answer.result() == 42
    assert calls == [1]


def test_what_was_not_started_is_computed_when_it_is_asked_for() -> None:
    calls: list[int] = []
    with Beside(lambda: calls.append(1)) as answer:
        assert calls == []
        answer.result()
    assert calls == [1]


def test_its_error_is_raised_where_its_result_is_asked_for() -> None:
    with Beside(lambda: 1 / 0) as answer:
        answer.start()
        with pytest.raises(ZeroDivisionError):
            answer.result()


@pytest.mark.parametrize("error", [ValueError("of the block"), MemoryError(), KeyboardInterrupt()])
def test_it_ends_where_the_block_fails_and_nothing_is_left_of_the_request(
    error: BaseException,
) -> None:
    ended: list[BaseException] = []

    def compute() -> None:
        try:
            while True:
                time.sleep(0.01)
                with suppress(MemoryError):  # such as one of its own
                    raise_if_requested()
        except BaseException as stop:
            ended.append(stop)
            raise

    with pytest.raises(type(error)), Beside(compute) as answer:
        answer.start()
        raise error
    assert len(ended) == 1
    raise_if_requested()
