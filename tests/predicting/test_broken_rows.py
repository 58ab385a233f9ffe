"""Input that cannot be labelled ends with one message, and leaves no output."""

from __future__ import annotations

import gzip
import io
import json
import os
import threading

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dog_classifier import DogOrCat, label_file, read_rows, write_rows

from ecomcat.errors import UserError

GOOD = '{"text": "a dog"}'


@pytest.fixture
def refused(tmp_path):
    """Return a function that labels a file, which must fail, and returns the message."""

    def run(source, output="labelled.jsonl", **settings):
        (tmp_path / output).write_text("a former output", encoding="utf-8")
        before = sorted(tmp_path.iterdir())
        with pytest.raises(UserError) as ended:
            label_file(tmp_path / source, tmp_path / output, **settings)
        assert sorted(tmp_path.iterdir()) == before
        assert (tmp_path / output).read_text(encoding="utf-8") == "a former output"
        return str(ended.value)

    return run


def assert_says(message, *fragments):
    missing = [fragment for fragment in fragments if fragment not in message]
    assert not missing, message


@pytest.mark.parametrize(
    ("line", "fragments"),
    [
        ('{"text": "a dog"', ("not JSON", "character 17")),
        ("{'text': 'a dog'}", ("not JSON",)),
        ("text,note", ("not JSON",)),
        ('{"text": "a dog"} {}', ("not JSON", "Extra data")),
        ('{"text": "a\ttab"}', ("not JSON", "control character")),
        ('["a dog"]', ("found a list", "jq -c '.[]'")),
        ('"a dog"', ("found a text",)),
        ("17", ("found a number",)),
        ("true", ("found true or false",)),
        ("null", ("found null",)),
        ('{"text": ' + "[" * 200_000, ("nested too deeply",)),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_a_line_that_is_no_object_is_named(tmp_path, refused, line, fragments):
    # Far enough from the beginning to be met while rows are written.
    lines = [GOOD] * 1200 + ["", line, GOOD]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines), encoding="utf-8")
    assert_says(refused("rows.jsonl"), "rows.jsonl, line 1202", "a JSON object", *fragments)


def test_an_array_over_many_lines_is_answered_with_the_way_out(tmp_path, refused):
    (tmp_path / "rows.jsonl").write_text(json.dumps([{"text": "a dog"}], indent=1), "utf-8")
    assert_says(refused("rows.jsonl"), "rows.jsonl, line 1:", "not JSON")


@pytest.mark.parametrize("content", ["", "\n\n", " \r\n"])
@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl"])
def test_an_empty_file(tmp_path, refused, name, content):
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert_says(refused(name), name, "found an empty file")


@pytest.mark.parametrize("output", ["labelled.csv", "labelled.parquet"])
def test_a_later_line_with_another_member_has_no_column(tmp_path, refused, output):
    lines = [GOOD] * 1200 + ['{"text": "a dog", "new": 1}']
    (tmp_path / "rows.jsonl").write_text("\n".join(lines), encoding="utf-8")
    message = refused("rows.jsonl", output)
    assert_says(message, "rows.jsonl, line 1201", "'text'", "found 'new'", "output_format=jsonl")


def test_a_later_line_with_another_type_is_named(tmp_path, refused):
    lines = ['{"text": "a dog", "x": 1}'] * 1200 + ['{"text": "a dog", "x": 1.5}']
    (tmp_path / "rows.jsonl").write_text("\n".join(lines), encoding="utf-8")
    message = refused("rows.jsonl", "labelled.parquet")
    assert_says(message, "rows.jsonl, line 1201", "a whole number in 'x'", "found '1.5'")


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl", "rows.parquet"])
def test_a_column_that_is_to_be_added_may_not_be_there(tmp_path, refused, name):
    write_rows(tmp_path / name, [{"text": "a dog", "confidence": "1"}])
    assert_says(refused(name), "confidence", "Rename or remove it")


def test_a_later_line_with_a_member_that_is_to_be_added(tmp_path, refused):
    lines = [GOOD] * 1200 + ['{"text": "a dog", "confidence": 1}']
    (tmp_path / "rows.jsonl").write_text("\n".join(lines), encoding="utf-8")
    assert_says(refused("rows.jsonl"), "rows.jsonl, line 1201", "found confidence")


@pytest.mark.parametrize("name", ["accept", "words", "reason"])
def test_a_column_of_an_option_that_is_not_set_is_only_a_column(tmp_path, name):
    write_rows(tmp_path / "rows.csv", [{"text": "a dog", name: "mine"}])
    label_file(tmp_path / "rows.csv", tmp_path / "labelled.csv")
    assert read_rows(tmp_path / "labelled.csv")[0][name] == "mine"


@pytest.mark.parametrize("output", ["labelled.jsonl", "labelled.parquet"])
def test_two_columns_of_one_name_have_no_place_in_an_object(tmp_path, refused, output):
    (tmp_path / "rows.csv").write_text("text,x,x\na dog,1,2\n", encoding="utf-8")
    assert_says(refused("rows.csv", output), "rows.csv", "more than once: 'x'", "write CSV")


def test_a_csv_row_of_another_width_is_named(tmp_path, refused):
    rows = ["id,text", *["1,a dog"] * 1200, "2,a cat,3"]
    (tmp_path / "rows.csv").write_text("\n".join(rows), encoding="utf-8")
    message = refused("rows.csv", data={"delimiter": ","})
    assert_says(message, "rows.csv, line 1202", "at most 2 columns", "found 3")


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl"])
def test_bytes_that_are_not_of_the_encoding(tmp_path, refused, name):
    write_rows(tmp_path / name, [{"text": f"a dog {n}"} for n in range(1200)])
    with (tmp_path / name).open("ab") as stream:
        stream.write('{"text": "café"}\n'.encode("latin-1"))
    message = refused(name, data={"encoding": "utf-8"})
    assert_says(message, f"{name}, line 120", "utf-8", "data.encoding=")


def test_a_packed_file_that_is_cut_short(tmp_path, refused):
    # Incompressible enough that half of it holds more than the first lines.
    lines = "".join(f'{{"text": "{n**9:x}"}}\n' for n in range(300_000))
    packed = gzip.compress(lines.encode())
    (tmp_path / "rows.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    message = refused("rows.jsonl.gz", batch_rows=8192)
    assert_says(message, "rows.jsonl.gz", "cut short")


# Parquet


def test_a_file_that_is_no_parquet(tmp_path, refused):
    (tmp_path / "rows.parquet").write_text("text\na dog\n", encoding="utf-8")
    assert_says(refused("rows.parquet"), "rows.parquet", "a whole Parquet file", "input_format")


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl"])
def test_parquet_that_is_said_to_be_text(tmp_path, refused, name):
    write_rows(tmp_path / "rows.parquet", [{"text": "a dog"}]).rename(tmp_path / name)
    message = refused(name, input_format=name.removeprefix("rows."))
    assert_says(message, name, "found a Parquet file")


def test_parquet_that_is_cut_short(tmp_path, refused):
    path = write_rows(tmp_path / "rows.parquet", [{"text": "a dog"}] * 100)
    path.write_bytes(path.read_bytes()[:-20])
    assert_says(refused("rows.parquet"), "rows.parquet", "cut short")


def test_parquet_that_is_damaged_half_way(tmp_path, refused):
    table = pa.table({"text": [f"a dog {n}" for n in range(4000)]})
    path = tmp_path / "rows.parquet"
    pq.write_table(table, path, row_group_size=1000, compression="zstd", use_dictionary=False)
    content = bytearray(path.read_bytes())
    middle = pq.ParquetFile(path).metadata.row_group(2).column(0).data_page_offset + 200
    content[middle : middle + 100] = bytes(100)
    path.write_bytes(content)
    message = refused("rows.parquet", batch_rows=1000)
    assert_says(message, "rows.parquet", "cannot be read")


def test_a_missing_file_is_answered_with_the_nearest(tmp_path, refused):
    write_rows(tmp_path / "rows.parquet", [{"text": "a dog"}])
    assert_says(refused("rowz.parquet"), "no such file", "Did you mean 'rows.parquet'?")


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.parquet"])
def test_a_folder_in_place_of_a_file(tmp_path, refused, name):
    (tmp_path / name).mkdir()
    assert_says(refused(name), "found a folder")


# Columns of texts


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.parquet"])
@pytest.mark.parametrize(
    ("asked", "fragments"),
    [
        ("titel", ("'titel'", "'title', 'body', 'Body'", "Did you mean 'title'?")),
        (3, ("3", "'title', 'body', 'Body'")),
        (["title", "title"], ("different columns", "position 0, 0")),
        ("BODY", ("found 2", "positions 1, 2")),
        (None, ("'text'", "as in training", "'title', 'body', 'Body'")),
        (True, ("data.text_column", "found True")),
    ],
    ids=str,
)
def test_a_text_column_that_is_not_to_be_found(tmp_path, refused, name, asked, fragments):
    write_rows(tmp_path / name, [{"title": "a dog", "body": "barks", "Body": "yes"}])
    assert_says(refused(name, data={"text_column": asked}), *fragments)


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.parquet"])
@pytest.mark.parametrize(
    ("columns", "asked", "trained_on", "text"),
    [
        (("text", "id"), None, ("text",), "one"),
        (("id", "Text "), None, ("text",), "two"),
        (("any",), None, ("text",), "one"),
        (("a", "b"), None, ("b", "a"), "two one"),
        (("a", "b"), ["b", "a"], ("text",), "two one"),
        (("a", "b"), 1, ("a",), "two"),
        (("a", "0"), 0, ("text",), "one"),
        (("a", "0"), "0", ("text",), "two"),
    ],
    ids=str,
)
def test_where_the_text_is(tmp_path, name, columns, asked, trained_on, text):
    write_rows(tmp_path / name, [dict(zip(columns, ("one", "two"), strict=False))])
    classifier = DogOrCat(*trained_on)
    label_file(
        tmp_path / name,
        tmp_path / "labelled.csv",
        classifier=classifier,
        data={"text_column": asked},
    )
    assert classifier.asked == [text]


def test_a_column_of_lists_is_no_text(tmp_path, refused):
    write_rows(tmp_path / "rows.parquet", [{"text": ["a", "dog"]}])
    assert_says(refused("rows.parquet"), "'text'", "list<", "data.text_column")


def test_a_parquet_stream_that_is_cut_short_is_no_parquet_file(tmp_path):
    lines = [GOOD] * 1200 + ["no object"]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines), encoding="utf-8")
    pipe = tmp_path / "labelled"
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    with pytest.raises(UserError):
        label_file(tmp_path / "rows.jsonl", pipe, output_format="parquet")
    reader.join()
    with pytest.raises(pa.ArrowInvalid):
        pq.read_table(io.BytesIO(read[0]))
