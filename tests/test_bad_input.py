"""What users get wrong ends with one message that says how to mend it; nothing is left behind."""

from __future__ import annotations

import hashlib
import struct
import zlib
from functools import partial

import pytest

import ecomcat.artifact.classifier
import ecomcat.pipeline
from ecomcat import evaluate, predict, search, train
from ecomcat.artifact.manifest import MANIFEST, write_manifest
from tests.command_line import command_line

COMMANDS = {
    "search": search.main,
    "train": train.main,
    "evaluate": evaluate.main,
    "predict": predict.main,
}


def rows_of(**classes):
    """Return lines `label,text` of different texts, as many of each class as asked for."""
    return [
        f"{label},{label} number {number} of a kind"
        for label, count in classes.items()
        for number in range(count)
    ]


def table(*lines):
    return "\n".join(["category,description", *lines, ""])


GOOD = rows_of(Books=40, Shoes=40)


def png():
    def chunk(kind, data):
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    header = struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" + b"\xff\x80\x00" * 2 + b"\0" + b"\x10\x20\x30" * 2)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def contents_of(folder):
    """Return every path under a folder, with a hash of what the files hold."""
    return {
        str(path.relative_to(folder)): (
            None if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
        )
        for path in folder.rglob("*")
    }


def refuse_tensorflow():
    raise AssertionError("expected the error before TensorFlow is imported")


@pytest.fixture
def refused(monkeypatch, capsys, tmp_path):
    """Return a function that runs a command which must fail, and returns its message."""
    monkeypatch.chdir(tmp_path)
    for module in (ecomcat.pipeline, ecomcat.artifact.classifier):
        monkeypatch.setattr(module, "import_tensorflow", refuse_tensorflow)

    with command_line(monkeypatch, capsys) as run_main:

        def run(command, *arguments):
            before = contents_of(tmp_path)
            ended = run_main(COMMANDS[command], *arguments)
            assert (ended.code, ended.output) == (2, "")
            starts = [line for line in ended.errors.splitlines() if line.startswith("Error: ")]
            assert len(starts) == 1
            assert "Traceback" not in ended.errors
            assert contents_of(tmp_path) == before
            return ended.errors[ended.errors.index("Error: ") :]

        yield run


@pytest.fixture
def search_csv(refused, tmp_path):
    """Return a function that searches on a file of given content, which must be refused."""

    def run(content, *arguments, name="products.csv"):
        data = content if isinstance(content, bytes) else content.encode()
        (tmp_path / name).write_bytes(data)
        return refused("search", "data=csv", f"data.path={name}", *arguments)

    return run


@pytest.fixture
def exported(tmp_path):
    """Return a folder with a manifest, as an export has, whose files hold nothing of use."""
    folder = tmp_path / "model"
    folder.mkdir()
    names = ["model.keras", "labels.json"]
    for name in names:
        (folder / name).write_text(f"content of {name}", encoding="utf-8")
    write_manifest(folder, names)
    return folder


def assert_says(message, *fragments):
    missing = [fragment for fragment in fragments if fragment not in message]
    assert not missing, message


# Files


def test_a_missing_file_is_answered_with_the_nearest_one(refused, tmp_path):
    (tmp_path / "products.csv").write_text(table(*GOOD), encoding="utf-8")
    message = refused("search", "data=csv", "data.path=prodcts.csv")
    assert_says(message, "prodcts.csv", "no such file", "Did you mean 'products.csv'?")


def test_a_missing_file_in_a_missing_folder(refused):
    message = refused("search", "data=csv", "data.path=no folder (1)/products.csv")
    assert_says(message, "no folder (1)/products.csv", "no such file")


def test_no_file_at_all(refused):
    assert_says(refused("search", "data=csv"), "data=csv", "data.path=FILE")


def test_a_folder_in_place_of_a_file(refused, tmp_path):
    (tmp_path / "products").mkdir()
    assert_says(refused("search", "data=csv", "data.path=products"), "products", "folder")


@pytest.mark.parametrize("content", ["", "\n\n", " \n"])
def test_an_empty_file(search_csv, content):
    assert_says(search_csv(content), "products.csv", "empty file")


@pytest.mark.parametrize("name", ["photo.png", "photo.csv"])
def test_a_picture(search_csv, name):
    assert_says(search_csv(png(), name=name), name, "a text table", "found a PNG image")


def test_a_header_without_rows(search_csv):
    assert_says(search_csv(table()), "two classes")


def test_a_row_of_more_columns_than_the_first_is_named(search_csv):
    content = table(*GOOD[:10], "Books,one, two and three", *GOOD[10:])
    message = search_csv(content, "data.delimiter=comma")
    assert_says(message, "products.csv, line 12", "at most 2 columns", "found 3", "quotes")


def test_a_quote_that_is_never_closed_is_named(search_csv):
    message = search_csv(table(*GOOD[:10], 'Books,"one', *GOOD[10:]), "data.delimiter=comma")
    assert_says(message, "products.csv, line 12", "a quote that is never closed")


def test_bytes_that_are_not_of_the_encoding_asked_for(search_csv):
    content = table(*GOOD).encode() + "Books,café crème\n".encode("latin-1")
    message = search_csv(content, "data.encoding=utf-8")
    assert_says(message, "products.csv, line 82", "utf-8", "data.encoding=")


def test_an_encoding_that_does_not_exist(search_csv):
    assert_says(search_csv(table(*GOOD), "data.encoding=utf-9"), "data.encoding", "utf-9")


# Columns and classes


@pytest.mark.parametrize("key", ["data.text_column", "data.label_column"])
def test_a_column_that_is_not_there_is_answered_with_those_that_are(search_csv, key):
    message = search_csv(table(*GOOD), f"{key}=descripton")
    assert_says(message, key, "'descripton'", "'category', 'description'", "Did you mean")


def test_a_position_beyond_the_last_column(search_csv):
    message = search_csv(table(*GOOD), "data.text_column=5")
    assert_says(message, "data.text_column", "0 to 1", "found 5", "'category', 'description'")


def test_the_same_column_twice(search_csv):
    message = search_csv(table(*GOOD), "data.text_column=category", "data.label_column=category")
    assert_says(message, "different columns", "'category', 'description'")


def test_three_columns_of_which_none_is_named(search_csv):
    content = "\n".join(["id,category,description", *(f"{i},{row}" for i, row in enumerate(GOOD))])
    message = search_csv(content)
    assert_says(message, "data.text_column and data.label_column", "'id'", "'description'")


def test_a_single_class(search_csv):
    message = search_csv(table(*rows_of(Books=40)))
    assert_says(message, "at least two classes", "'Books' (40)", "data.label_column")


def test_a_class_with_too_few_rows_is_named_with_the_way_out(search_csv):
    message = search_csv(table(*GOOD, *rows_of(Toys=3)))
    assert_says(message, "at least 10", "'Toys' (3)", "data.rare_classes=drop")
    assert "Books" not in message


def test_nothing_left_after_the_rare_classes_are_dropped(search_csv):
    message = search_csv(table(*rows_of(Books=40, Toys=3)), "data.rare_classes=drop")
    assert_says(message, "at least two classes", "'Books' (40)", "'Toys' (3)")


def test_the_same_text_again_and_again_counts_once(search_csv):
    message = search_csv(table(*GOOD, *["Toys,the same toy"] * 50))
    assert_says(message, "'Toys' (1)", "data.rare_classes=drop")


# Names and values


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["model.lstm_unit=3"], "Did you mean model.lstm_units?"),
        (["modl=lstm"], "Did you mean model?"),
        (["model=lstmm"], "Did you mean model=lstm?"),
        (["+data.pth=products.csv"], "Did you mean data.path?"),
        (["seed=abc"], "'abc'"),
        (["--multirun", "seed=1,2"], "model_dir=FOLDER"),
        (["model.lstm_units=0"], "model.lstm_units"),
        (["model.batch_size=-8"], "model.batch_size"),
        (["model.max_tokens=0"], "model.max_tokens"),
        (["model.dropout=1.5"], "model.dropout"),
        (["model.lstm_units=64..16"], "16..64"),
        (["model.pooling=maximum"], "model.pooling"),
        (["search.algorithm=bayes"], "Did you mean 'bayesian'?"),
        (["search.max_trials=0"], "search.max_trials"),
        (["search.max_minutes=0"], "search.max_minutes"),
        (["data.test_fraction=1.5"], "data.test_fraction"),
        (["model.build=nowhere.build"], "model.build"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
@pytest.mark.parametrize("command", ["search", "train"])
def test_a_wrong_name_or_value(refused, command, arguments, fragment):
    # The file does not exist: who reads the data first answers with something else.
    message = refused(command, "data=csv", "data.path=absent.csv", *arguments)
    assert_says(message, fragment)
    assert "no such file" not in message


def test_training_without_a_search_takes_one_value_each(refused):
    message = refused("train", "model.lstm_units=[32,64]", "model.dropout=0.1..0.5")
    assert_says(message, "model.lstm_units=[32, 64]", "model.dropout=0.1..0.5", "ecomcat.search")


@pytest.mark.parametrize("name", ["a/b", "../b", "/b", " ", "-b", ".b", "a b"])
def test_a_name_of_a_study_that_is_no_folder_name(search_csv, name):
    message = search_csv(table(*GOOD), f"search.name={name}")
    assert_says(message, "search.name", "letters", f"found {name!r}")


# Where the model goes


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


# Opening a model


@pytest.fixture(params=["evaluate", "predict"])
def open_model(request, refused, tmp_path):
    """Return a function that evaluates or predicts with a model that cannot be opened."""
    (tmp_path / "products.csv").write_text(table(*GOOD), encoding="utf-8")
    arguments = {
        "evaluate": ["data.path=products.csv"],
        "predict": ["input=products.csv", "output=labelled.csv"],
    }
    return partial(refused, request.param, *arguments[request.param])


def test_a_model_that_is_not_there(open_model):
    assert_says(open_model(), "exported model in model", "no such folder", "ecomcat.search")


def test_a_model_folder_that_is_named_and_not_there(open_model):
    assert_says(open_model("model_dir=my models (1)"), "my models (1)", "model_dir=FOLDER")


@pytest.mark.parametrize(
    "manifest", [None, "", "{", "[]", "{}", '{"project": "ecomcat", "format": 99, "files": {}}']
)
def test_a_folder_that_is_no_model(open_model, tmp_path, manifest):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.keras").write_text("something", encoding="utf-8")
    if manifest is not None:
        (tmp_path / "model" / MANIFEST).write_text(manifest, encoding="utf-8")
    assert_says(open_model(), "exported model in model", MANIFEST, "ecomcat.search")


def test_a_model_that_lacks_a_file(open_model, exported):
    (exported / "labels.json").unlink()
    message = open_model()
    assert_says(message, "are missing: labels.json", "copy the whole folder")
    assert "model.keras" not in message


def test_a_model_of_which_a_file_was_changed(open_model, exported):
    (exported / "model.keras").write_text("another model", encoding="utf-8")
    message = open_model()
    assert_says(message, "are not those exported: model.keras", "Export the model again")
    assert "labels.json" not in message


def test_evaluate_without_a_file(refused, exported):
    assert_says(refused("evaluate"), "data.path=FILE")


def test_evaluate_on_a_missing_file(refused, exported):
    assert_says(refused("evaluate", "data.path=absent.csv"), "absent.csv", "no such file")


def test_evaluate_checks_how_the_data_are_read(refused, exported):
    message = refused("evaluate", "data.path=absent.csv", "data.header=yes")
    assert_says(message, "data.header", "'yes'")


@pytest.mark.parametrize("arguments", [[], ["input=products.csv"], ["output=labelled.csv"]])
def test_predict_needs_input_and_output(refused, exported, arguments):
    message = refused("predict", *arguments)
    assert_says(message, "input=FILE and output=FILE", "standard input")


def test_predict_on_a_missing_file(refused, exported):
    message = refused("predict", "input=absent.csv", "output=labelled.csv")
    assert_says(message, "absent.csv", "no such file")


@pytest.mark.parametrize("rows", [0, -1])
def test_predict_in_batches_of_nothing(refused, exported, rows):
    message = refused("predict", "input=absent.csv", "output=labelled.csv", f"batch_rows={rows}")
    assert_says(message, "batch_rows", f"found {rows}")


# In a process of its own, where log lines stand before the message


def test_log_lines_and_the_message_go_to_standard_error(run_command, tmp_path):
    (tmp_path / "products.csv").write_text(table(*rows_of(Books=40)), encoding="utf-8")
    ended = run_command("search", ["data=csv", "data.path=products.csv"], tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    lines = ended.stderr.splitlines()
    assert lines[0].startswith("Data: products.csv, first row taken as header")
    assert [line for line in lines if line.startswith("Error: ")] == lines[-1:]
    assert [path.name for path in tmp_path.iterdir()] == ["products.csv"]
