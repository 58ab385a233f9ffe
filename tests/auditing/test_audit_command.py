"""`python -m ecomcat.audit` as its users run it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from audit_material import HARM, plain_rows, write_rows

from ecomcat import audit
from tests.conftest import RunMain, run_program


def test_it_leaves_a_folder_of_its_own_the_same_each_time(
    run_main: RunMain, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = plain_rows()
    write_rows(tmp_path / "my shop, all.csv", [*rows[1:], (rows[0][0], "Toys")])

    def files() -> dict[str, bytes]:
        ended = run_main(
            audit.main, "data.path=my shop, all.csv", "against=my shop, all.csv", "splits=1"
        )
        assert ended.code == 0, ended.errors
        for title in ("Audit of my shop, all.csv", "on three kinds of split", "Most suspicious"):
            assert title in ended.output
        assert "are also in the first one: 120" in ended.output
        return {
            str(path.relative_to(tmp_path / "outputs")): path.read_bytes()
            for path in (tmp_path / "outputs").rglob("*.*")
        }

    found = files()
    assert files() == found
    names = ("audit.html", "audit.json", "near_duplicates.csv", "suspicious_labels.csv")
    assert sorted(found) == [f"audit/my_shop_all/{name}" for name in names]
    assert "data.exclude=outputs/audit/my_shop_all/suspicious_labels.csv" in caplog.text


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("half \ud83d a pair", "a"), ("b c", "b\ud800")] * 9, "repeat"),
        ([(f"text {n}", f"class {n}") for n in range(300)], "distinct texts: 300"),
        ([(HARM, HARM), (HARM * 3, "b")], "leftovers"),
        ([("word " * 200_000, "a"), ("b", "b")], "Texts longer than"),
    ],
    ids=["surrogates", "classes", "markup", "huge"],
)
def test_odd_files_are_audited_as_far_as_it_goes(
    run_main: RunMain, tmp_path: Path, rows: list[tuple[str, str]], message: str
) -> None:
    write_rows(tmp_path / "odd.csv", rows)
    ended = run_main(audit.main, "data.path=odd.csv")
    assert ended.code == 0, ended.errors
    assert message in " ".join(ended.output.replace("│", " ").split())
    json.loads((tmp_path / "outputs" / "audit" / "odd" / "audit.json").read_text("utf-8"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["suspicious_rows=0"], "suspicious_rows: expected a whole number from 1, found 0."),
        (["splits=0"], "splits: expected a whole number from 1"),
        (["seed=-1"], "seed: expected a whole number from 0 to"),
        (["output_dir="], "output_dir: expected a value, found nothing."),
        (["output_dir=shop.csv/x"], "can be written to at output_dir=shop.csv/x, found"),
        (["output_dir=.", "data.path=mine.csv"], "can be written to at output_dir=., found"),
        (["data.exclude=a.csv"], "Expected data.exclude in ecomcat.search"),
        (["data.group_near_duplicates=true"], "ecomcat.audit. Leave it out"),
        (["data.near_duplicate_similarity=0.1"], "expected a number from 0.3 to 1"),
        (["against=nowhere.csv"], "nowhere.csv"),
        (["data.path=empty.csv"], "found 2 rows without"),
        (["data.pth=a.csv"], "Did you mean 'data.path'"),
    ],
)
def test_what_cannot_work_is_refused_before_any_work(
    run_main: RunMain, tmp_path: Path, arguments: list[str], message: str
) -> None:
    write_rows(tmp_path / "shop.csv", plain_rows(5))
    for name in ("mine.csv", "mine"):  # the latter in the place of the audit's folder
        write_rows(tmp_path / name, plain_rows(5))
    write_rows(tmp_path / "empty.csv", [("?!", "a"), ("text", " ")])
    ended = run_main(audit.main, "data.path=shop.csv", *arguments)
    assert ended.code == 2
    assert message in ended.errors and "Traceback" not in ended.errors
    assert not (tmp_path / "outputs").exists()


@pytest.mark.slow
def test_neither_tensorflow_nor_ray_is_imported(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom ecomcat.audit import main\n"
        "sys.argv = ['ecomcat', 'data=sample', 'data.sample_rows=300', 'splits=1']\n"
        "try:\n    main()\n"
        "finally:\n    print('heavy:', {'tensorflow', 'keras', 'ray'} & {*sys.modules})\n"
    )
    done = run_program(program, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "heavy: set()" in done.stdout
