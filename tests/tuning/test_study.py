"""A study's folder: begun once, held by one run, resumed only with what it was begun with."""

from __future__ import annotations

from pathlib import Path

import pytest
from filelock import FileLock

from ecomcat.errors import UserError
from ecomcat.tuning.study import default_name, open_study

IDENTITY = {"data": "abc", "model.lstm_units": "16..64", "seed": 1}


def test_a_study_begun_may_be_opened_again_with_the_same_identity(tmp_path: Path) -> None:
    for _ in range(2):
        with open_study(tmp_path, "mine", IDENTITY, overwrite=False) as study:
            assert study.directory == tmp_path / "mine"


def test_a_changed_identity_is_refused_with_the_difference(tmp_path: Path) -> None:
    with open_study(tmp_path, "mine", IDENTITY, overwrite=False):
        pass
    changed = {**IDENTITY, "model.lstm_units": "16..128", "seed": 2}
    with pytest.raises(UserError) as error, open_study(tmp_path, "mine", changed, overwrite=False):
        pass
    message = str(error.value)
    assert "model.lstm_units: 16..64 in the study, 16..128 now" in message
    assert "seed: 1 in the study, 2 now" in message
    assert "search.overwrite=true" in message
    assert "abc" not in message


def test_overwrite_removes_what_the_earlier_study_left(tmp_path: Path) -> None:
    with open_study(tmp_path, "mine", IDENTITY, overwrite=False) as study:
        (study.directory / "trials").mkdir()
        (study.directory / "trials.csv").write_text("id\n")
    with open_study(tmp_path, "mine", {"seed": 9}, overwrite=True) as study:
        assert {path.name for path in study.directory.iterdir()} <= {"study.json", ".lock"}


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_that_is_no_study_is_never_touched(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with (
        pytest.raises(UserError, match="nothing there was touched"),
        open_study(tmp_path, "mine", IDENTITY, overwrite=overwrite),
    ):
        pass
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_a_study_that_another_run_holds_is_refused(tmp_path: Path) -> None:
    with open_study(tmp_path, "mine", IDENTITY, overwrite=False) as study:
        held = FileLock(study.directory / ".lock")
    with (
        held,
        pytest.raises(UserError, match="Another run holds"),
        open_study(tmp_path, "mine", IDENTITY, overwrite=True),
    ):
        pass


@pytest.mark.parametrize("name", ["../up", "a/b", ".hidden", "", "with space", "-dash"])
def test_a_name_that_is_no_plain_folder_name_is_refused(tmp_path: Path, name: str) -> None:
    with (
        pytest.raises(UserError, match=r"search\.name"),
        open_study(tmp_path, name, IDENTITY, overwrite=False),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_study_of_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "study.json").write_text('{"format": 0}')
    with (
        pytest.raises(UserError, match="format 0"),
        open_study(tmp_path, "old", IDENTITY, overwrite=False),
    ):
        pass


def test_the_default_name_is_a_folder_name_and_follows_the_identity(tmp_path: Path) -> None:
    name = default_name("bilstm", "catálogo (1) – new", IDENTITY)
    assert name == default_name("bilstm", "catálogo (1) – new", dict(reversed(IDENTITY.items())))
    assert name != default_name("bilstm", "catálogo (1) – new", {**IDENTITY, "seed": 2})
    with open_study(tmp_path, name, IDENTITY, overwrite=False):
        pass


def test_a_study_file_cut_short_is_a_clear_message(tmp_path: Path) -> None:
    with open_study(tmp_path, "mine", IDENTITY, overwrite=False) as study:
        (study.directory / "study.json").write_text('{"form')
    with (
        pytest.raises(UserError, match=r"study\.json"),
        open_study(tmp_path, "mine", IDENTITY, overwrite=False),
    ):
        pass


def test_what_a_killed_process_was_writing_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / ".writing-abc.json").write_text("{")
    with open_study(tmp_path, "mine", IDENTITY, overwrite=False) as study:
        assert not list(study.directory.glob(".writing-*"))


def test_overwriting_that_was_cut_short_leaves_a_study_that_can_be_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_study(tmp_path, "mine", IDENTITY, overwrite=False) as study:
        for name in ("oracle.json", "clock.json", "trials.csv"):
            (study.directory / name).write_text("{}")
        (study.directory / "trials").mkdir()
    real = Path.unlink
    removed: list[str] = []

    def dies_at_the_third(self: Path, missing_ok: bool = False) -> None:
        if len(removed) == 2:
            raise KeyboardInterrupt
        removed.append(self.name)
        real(self, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", dies_at_the_third)
    with (
        pytest.raises(KeyboardInterrupt),
        open_study(tmp_path, "mine", IDENTITY, overwrite=True),
    ):
        pass
    monkeypatch.undo()
    assert removed[0] == "oracle.json"
    assert (tmp_path / "mine" / "study.json").exists()
    with open_study(tmp_path, "mine", {"seed": 2}, overwrite=True) as study:
        assert {path.name for path in study.directory.iterdir()} <= {"study.json", ".lock"}
