"""Interrupted or out of room, predict leaves the former output and nothing else."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from dog_classifier import label_file, read_rows

from ecomcat.files import UNFINISHED
from tests.command_line import heed_interrupts
from tests.data.table_material import write_table

pytestmark = pytest.mark.slow

COMMAND = Path(__file__).with_name("dog_command.py")
ROOT = COMMAND.parents[2]
MANY = [{"text": f"a dog with number {n}", "id": str(n)} for n in range(20_000)]


def start(folder, *arguments, **options):
    """Start predict as a process of its own."""
    paths = os.pathsep.join([str(ROOT), str(COMMAND.parent)])
    return subprocess.Popen(
        [sys.executable, str(COMMAND), *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths, **options.pop("environment", {})},
        stderr=subprocess.PIPE,
        **{"preexec_fn": heed_interrupts, **options},
    )


def ended(process):
    output, errors = process.communicate(timeout=120)
    assert b"Traceback" not in errors, errors.decode()
    return process.returncode, output, errors.decode()


def wait_until_writing(process, folder):
    deadline = time.monotonic() + 60
    while not any(path.stat().st_size for path in folder.glob(f"{UNFINISHED}*")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("output", "number", "code", "message"),
    [
        ("labelled.csv", signal.SIGTERM, 143, "Terminated."),
        ("labelled.parquet", signal.SIGINT, 130, "Interrupted."),
    ],
)
def test_a_signal_leaves_the_former_output(tmp_path, output, number, code, message):
    write_table(tmp_path / "rows.csv", MANY)
    (tmp_path / output).write_bytes(b"a former output")
    arguments = ["input=rows.csv", f"output={output}", "batch_rows=500"]
    process = start(tmp_path, *arguments, environment={"ECOMCAT_TEST_SLOWLY": "1"})
    wait_until_writing(process, tmp_path)
    process.send_signal(number)
    returned, _, errors = ended(process)
    assert (returned, errors.splitlines()[-1]) == (code, message)
    assert {path.name for path in tmp_path.iterdir()} == {"rows.csv", output}
    assert (tmp_path / output).read_bytes() == b"a former output"


@pytest.mark.parametrize("output", ["labelled.jsonl.gz", "labelled.parquet"])
def test_no_room_leaves_the_former_output(tmp_path, output):
    write_table(tmp_path / "rows.csv", MANY)
    (tmp_path / output).write_bytes(b"a former output")

    def limit_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))

    process = start(
        tmp_path, "input=rows.csv", f"output={output}", "batch_rows=500", preexec_fn=limit_files
    )
    returned, _, errors = ended(process)
    assert returned == 2
    assert f"Error: Cannot write {tmp_path / output}: File too large" in errors
    assert {path.name for path in tmp_path.iterdir()} == {"rows.csv", output}
    assert (tmp_path / output).read_bytes() == b"a former output"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_device(tmp_path):
    write_table(tmp_path / "rows.csv", MANY[:100])
    arguments = ["input=rows.csv", "output_format=parquet"]
    with Path("/dev/full").open("wb") as full:
        returned, _, errors = ended(start(tmp_path, *arguments, "output=-", stdout=full))
    assert returned == 2
    assert "Cannot write to standard output: No space left on device" in errors


def test_whoever_reads_the_output_may_stop(tmp_path):
    write_table(tmp_path / "rows.csv", MANY)
    process = start(tmp_path, "input=rows.csv", "output=-", stdout=subprocess.PIPE)
    process.stdout.readline()
    process.stdout.close()
    process.stdout = None
    returned, _, errors = ended(process)
    assert (returned, "Error" in errors) == (141, False)


def test_what_controls_a_terminal_does_not_reach_one(tmp_path):
    write_table(tmp_path / "rows.csv", [{"text": "a dog\x1b[2J\u202e", "id": "1"}] * 3)
    ours, theirs = os.openpty()
    process = start(tmp_path, "input=rows.csv", "output=-", stdout=theirs)
    assert ended(process)[0] == 0
    os.close(theirs)
    output = os.read(ours, 10_000).decode()
    os.close(ours)
    assert "a dog\\x1b[2J\\u202e,1,dogs" in output and "\x1b" not in output


def test_standard_streams(tmp_path, kind="parquet"):
    source = write_table(tmp_path / f"rows.{kind}", MANY[:50])
    arguments = ["input=-", "output=-", f"input_format={kind}", "batch_rows=20"]
    process = start(tmp_path, *arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    output, errors = process.communicate(source.read_bytes(), timeout=120)
    assert process.returncode == 0, errors
    written = tmp_path / f"labelled.{kind}"
    written.write_bytes(output)
    assert [row["id"] for row in read_rows(written)] == [str(n) for n in range(50)]
    assert b"50 rows labelled" in errors


def test_the_input_may_be_its_own_output(tmp_path):
    for name in ("rows.csv", "rows.jsonl", "rows.parquet"):
        path = write_table(tmp_path / name, MANY[:100])
        label_file(path, path)
        assert [row["predicted_category"] for row in read_rows(path)] == ["dogs"] * 100
