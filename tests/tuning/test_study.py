"""A study's folder: begun once, held by one run, resumed only with what it was begun with."""

from __future__ import annotations

from pathlib import Path

import pytest
from filelock import FileLock

from ecomcat.errors import UserError
from ecomcat.files import UNFINISHED
from ecomcat.json_files import write_with_digest
from ecomcat.tuning.study import default_name, open_study

IDENTITY = {"data": "abc", "model.lstm_units": "16..64", "seed": 1}


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


@pytest.mark.parametrize(
    ("name", "content", "overwrite", "message"),
    [
        ("thesis.txt", "years of work", False, "nothing there was touched"),
        ("thesis.txt", "years of work", True, "nothing there was touched"),
        ("study.json", '{"format": 3}', False, r"in format 3, this version reads \d+\. Run"),
        ("study.json", '{"form', False, r"study\.json.*copy in data\.json.*Restore one of them"),
    ],
)
def test_a_folder_that_is_no_study_of_ours_is_refused(
    tmp_path: Path, name: str, content: str, overwrite: bool, message: str
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / name).write_text(content)
    with (
        pytest.raises(UserError, match=message),
        open_study(tmp_path, "mine", IDENTITY, overwrite=overwrite),
    ):
        pass
    assert (tmp_path / "mine" / name).read_text() == content


def test_the_copy_of_a_study_of_an_earlier_format_is_refused_too(tmp_path: Path) -> None:
    begun = {"format": 3, "name": "mine", "identity": IDENTITY, "config": {}}
    (tmp_path / "mine").mkdir()
    write_with_digest(
        tmp_path / "mine" / "data.json", {"data": {}, "lengths": {}, "versions": {}, "study": begun}
    )
    with (
        pytest.raises(UserError, match="in format 3, this version"),
        open_study(tmp_path, "mine", IDENTITY, overwrite=False),
    ):
        pass


def test_a_study_that_another_run_holds_is_refused(tmp_path: Path) -> None:
    with open_study(tmp_path, "mine", IDENTITY, overwrite=False) as study:
        held = FileLock(study.directory / ".lock")
    with (
        held,
        pytest.raises(UserError, match="Another run holds"),
        open_study(tmp_path, "mine", IDENTITY, overwrite=True),
    ):
        pass


def test_the_default_name_is_a_folder_name_and_follows_the_identity(tmp_path: Path) -> None:
    name = default_name("bilstm", "catálogo (1) – new", IDENTITY)
    assert name == default_name("bilstm", "catálogo (1) – new", dict(reversed(IDENTITY.items())))
    assert name != default_name("bilstm", "catálogo (1) – new", {**IDENTITY, "seed": 2})
    with open_study(tmp_path, name, IDENTITY, overwrite=False):
        pass


def test_what_a_killed_process_was_writing_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / f"{UNFINISHED}abc.json").write_text("{")
    with open_study(tmp_path, "mine", IDENTITY, overwrite=False) as study:
        assert not list(study.directory.glob(".writing-*"))


def test_overwriting_that_was_cut_short_leaves_a_study_that_can_be_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_study(tmp_path, "mine", IDENTITY, overwrite=False) as study:
        for name in ("clock.json", "trials.csv"):
            (study.directory / name).write_text("{}")
        (study.directory / "trials").mkdir(exist_ok=True)
    real = Path.unlink

    def dies(self: Path, missing_ok: bool = False) -> None:
        if self.name == "clock.json":
            raise KeyboardInterrupt
        real(self, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", dies)
    with (
        pytest.raises(KeyboardInterrupt),
        open_study(tmp_path, "mine", IDENTITY, overwrite=True),
    ):
        pass
    monkeypatch.undo()
    assert (tmp_path / "mine" / "study.json").exists()
    assert not (tmp_path / "mine" / "trials").exists()
    with open_study(tmp_path, "mine", {"seed": 2}, overwrite=True) as study:
        assert {path.name for path in study.directory.iterdir()} <= {"study.json", ".lock"}
