"""Places where the model cannot go."""

from __future__ import annotations

from mistakes import GOOD, assert_says, exported, refused, search_csv, table

from ecomcat.export.bundle import MANIFEST

# Fixtures, which pytest finds here.
__all__ = ["exported", "refused", "search_csv"]


def test_a_model_folder_that_holds_other_files_is_not_touched(refused, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work", encoding="utf-8")
    message = refused("search", "data=csv", "data.path=absent.csv", "model_dir=thesis")
    assert_says(message, "model_dir=thesis", "chapter.txt", "nothing there was touched")


def test_a_manifest_of_another_project_does_not_make_it_ours(refused, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / MANIFEST).write_text('{"name": "A web site"}', encoding="utf-8")
    message = refused("search", "data=csv", "data.path=absent.csv", "model_dir=site")
    assert_says(message, "model_dir=site", MANIFEST)


def test_a_model_folder_that_is_a_file(refused, tmp_path):
    (tmp_path / "model").write_text("not a folder", encoding="utf-8")
    message = refused("search", "data=csv", "data.path=absent.csv")
    assert_says(message, "model_dir=model", "found a file")


def test_a_model_folder_under_a_file(refused, tmp_path):
    (tmp_path / "notes").write_text("not a folder", encoding="utf-8")
    message = refused("search", "data=csv", "data.path=absent.csv", "model_dir=notes/model")
    assert_says(message, "model_dir=notes/model")


def test_an_outputs_folder_that_is_a_file(search_csv, tmp_path):
    (tmp_path / "outputs").write_text("not a folder", encoding="utf-8")
    assert_says(search_csv(table(*GOOD)), "outputs")


def test_no_folder_is_made_for_a_model_that_never_comes(refused):
    message = refused("search", "data=csv", "data.path=absent.csv", "model_dir=models/first/model")
    assert_says(message, "absent.csv")


def test_a_former_model_survives_a_search_that_fails(refused, exported):
    assert_says(refused("search", "data=csv", "data.path=absent.csv"), "absent.csv")
