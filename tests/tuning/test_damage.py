"""Whatever file of a study is damaged or gone: the report is written, and no trial is lost."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from formula import configure, run_formula
from trial_records import outline

from ecomcat.errors import UserError
from ecomcat.files import explained_limits
from ecomcat.reporting.study_report import report_page
from ecomcat.tuning.study import CLOCK, DATA, FINAL, Study
from tests.reporting.stored_study import data_snapshot, final_snapshot

pytestmark = pytest.mark.slow

DAMAGE: dict[str, Callable[[bytes], bytes | None]] = {
    "gone": lambda _: None,
    "empty": lambda _: b"",
    "half": lambda content: content[: len(content) // 2],
    "without its last byte": lambda content: content[:-1],
    "garbage": lambda _: b"\x00\xff PK\x03\x04 garbage" * 9,
    "null": lambda _: b"null",
    "a list": lambda _: b"[]",
    "an object": lambda _: b"{}",
    "deep": lambda _: b"[" * 100_000,
}
OF_STUDY = ("study.json", CLOCK, DATA, FINAL, "trials.csv", "report.html")
OF_TRIAL = ("record.json", "best_weights.npz", "validation.npz", "last_state.npz")
FILES = (*OF_STUDY, *(f"trials/0001/{name}" for name in OF_TRIAL), "trials/0001", "trials")
# What a report reads, and some kinds of damage, as each report takes half a second.
REPORTED = (*OF_STUDY[:-1], "trials/0001/record.json", "trials")
SHOWN = ("gone", "an object")
Searched = tuple[Any, Path, list[Any]]


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Searched:
    """Return a configuration, the folder of a study whose time is spent, and its trials."""
    folder = tmp_path_factory.mktemp("searched")
    # Its trials continue each other, and so need every file.
    config = configure("hyperband", trials=5, lstm_units=[16, 32, 48])
    _, records = run_formula(config, folder)
    study = Study(folder / "study")
    study.write(DATA, data_snapshot())
    study.write(FINAL, final_snapshot())
    study.write(CLOCK, {"active_seconds": 301.0})
    (study.directory / "report.html").write_text(report_page(study), encoding="utf-8")
    return config, folder, [outline(record) for record in records]


def damage(path: Path, kind: str) -> bool:
    """Damage a file, or tell that this cannot be done to it."""
    if path.is_dir():
        shutil.rmtree(path)
        return kind == "gone"
    content = DAMAGE[kind](path.read_bytes())
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    return True


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("name", FILES)
def test_no_damage_to_one_file_costs_a_trial_or_the_report(
    searched: Searched, name: str, tmp_path: Path, caplog: Any
) -> None:
    config, folder, expected = searched
    for number, kind in enumerate(DAMAGE):
        copied = tmp_path / str(number)
        shutil.copytree(folder, copied)
        path = copied / "study" / name
        if not damage(path, kind):
            continue
        if name in REPORTED and kind in SHOWN:
            before = contents(copied)
            assert report_page(Study(copied / "study")).startswith("<!doctype")
            assert contents(copied) == before, "a report changes nothing"
        _, records = run_formula(config, copied)
        if name != "trials":
            assert [outline(record) for record in records] == expected, kind
        caplog.clear()
        _, records = run_formula(config, copied)
        assert [record.id for record in records] == [each[0] for each in expected]
        assert "run again" not in caplog.text, "all is whole again"


def test_what_cannot_be_rebuilt_is_named_and_the_rest_stays(
    searched: Searched, tmp_path: Path
) -> None:
    config, folder, expected = searched
    shutil.copytree(folder, tmp_path / "both")
    for name in ("study.json", DATA):
        (tmp_path / "both" / "study" / name).write_text("{}", encoding="utf-8")
    before = contents(tmp_path / "both")
    with pytest.raises(UserError, match=r"Restore one of them.*trials\.csv"):
        run_formula(config, tmp_path / "both")
    assert {path: before[path] for path in contents(tmp_path / "both") if path in before} == before
    shutil.copytree(folder, tmp_path / "trial")
    for name in ("trials.csv", "trials/0001/record.json"):
        (tmp_path / "trial" / "study" / name).write_text("{}", encoding="utf-8")
    kept = [outline(record) for record in Study(tmp_path / "trial" / "study").trials.records]
    assert kept == [each for each in expected if each[0] != "0001"]


@pytest.mark.parametrize("name", ["study.json", ".lock", "trials.csv", "trials"])
def test_what_stands_in_the_way_is_named_and_to_be_moved(
    searched: Searched, name: str, tmp_path: Path
) -> None:
    config, folder, expected = searched
    shutil.copytree(folder, tmp_path / "copied")
    path = tmp_path / "copied" / "study" / name
    moved = path.rename(tmp_path / "moved")
    if moved.is_dir():
        path.write_text("a file", encoding="utf-8")
    else:
        path.mkdir()
    with pytest.raises(UserError, match="Move away what stands there"), explained_limits():
        run_formula(config, tmp_path / "copied")
    path.unlink() if path.is_file() else path.rmdir()
    moved.rename(path)
    _, records = run_formula(config, tmp_path / "copied")
    assert [outline(record) for record in records] == expected


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EACCES])
def test_what_the_machine_refuses_is_no_damage(
    searched: Searched, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, folder, expected = searched
    shutil.copytree(folder, tmp_path / "copied")
    read_text = Path.read_text

    def refused(path: Path, *arguments: Any, **options: Any) -> str:
        if path.name == "record.json":
            raise OSError(number, os.strerror(number), str(path))
        return read_text(path, *arguments, **options)

    with monkeypatch.context() as patched, pytest.raises(OSError, match=os.strerror(number)):
        patched.setattr(Path, "read_text", refused)
        run_formula(config, tmp_path / "copied")
    _, records = run_formula(config, tmp_path / "copied")
    assert [outline(record) for record in records] == expected


@pytest.mark.parametrize(
    "content",
    [
        '{"id": "00',
        '{"id": "0001"}',
        '{"id": 1, "values": {}}',
        '{"id": "0002", "values": {}}',
        '{"id": "0001", "values": {}, "objective": "0.5"}',
    ],
)
def test_a_record_of_another_shape_is_run_again_and_an_unknown_item_is_left_out(
    searched: Searched, content: str, tmp_path: Path
) -> None:
    config, folder, expected = searched
    shutil.copytree(folder, tmp_path / "copied")
    path = tmp_path / "copied" / "study" / "trials" / "0001" / "record.json"
    whole = path.read_text(encoding="utf-8")
    for changed in (content, whole.replace("{", '{"colour": "red",', 1)):
        path.write_text(changed, encoding="utf-8")
        _, records = run_formula(config, tmp_path / "copied")
        assert [outline(record) for record in records] == expected
