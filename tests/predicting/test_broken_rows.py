"""Input that cannot be labelled ends with one message, and leaves no output."""

from __future__ import annotations

import io
import os
import threading

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dog_classifier import label_file

from ecomcat.errors import UserError

GOOD = '{"text": "a dog"}'


@pytest.fixture
def refused(tmp_path):
    """Return a function that labels a file, which must fail, and returns the message."""

    def run(source, output="labelled.jsonl", **settings):
        (tmp_path / output).write_text("a former output", encoding="utf-8")
        before = sorted(tmp_path.iterdir())
        with pytest.raises(UserError) as ended:
            label_file(tmp_path / source, tmp_path / output, **{"batch_rows": 500, **settings})
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
        ('{"text": "a dog"', ("not JSON", "column 17")),
        ('{"text": "a dog"} {}', ("not JSON", "Extra data")),
        ('["a dog"]', ('["a dog"]', "jq -c '.[]'")),
        ("null", ("found 'null'",)),
        ('{"text": ' + "[" * 200_000, ("not JSON", "recursion")),
        ('{"text": ["a dog"]}', ("a text or a number in 'text'", 'found ["a dog"]')),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_a_line_that_is_no_object_is_named(tmp_path, refused, line, fragments):
    # Far enough from the beginning to be met while rows are written.
    lines = [GOOD] * 1200 + ["", line, GOOD]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines), encoding="utf-8")
    assert_says(refused("rows.jsonl"), "rows.jsonl, line 1202: expected a", *fragments)


@pytest.mark.parametrize("output", ["labelled.csv", "labelled.parquet"])
def test_a_later_line_with_another_member_has_no_column(tmp_path, refused, output):
    lines = [GOOD] * 1200 + ['{"text": "a dog", "new": 1}']
    (tmp_path / "rows.jsonl").write_text("\n".join(lines), encoding="utf-8")
    message = refused("rows.jsonl", output)
    assert_says(message, "rows.jsonl, line 1201", "'text'", "found 'new'", "output_format=jsonl")


@pytest.mark.parametrize(
    ("content", "output", "fragments"),
    [
        ("text,confidence\na dog,1\n", "labelled.csv", ("confidence", "Rename or remove them")),
        ("text,x,x\na dog,1,2\n", "labelled.jsonl", ("more than once: 'x'", "write CSV")),
        ("text,x,x\na dog,1,2\n", "labelled.parquet", ("more than once: 'x'", "write CSV")),
        (
            f"{GOOD}\n" * 1200 + '{"text": "a dog", "confidence": 1}',
            "labelled.jsonl",
            ("line 1201", "found confidence"),
        ),
    ],
)
def test_columns_that_have_no_place_in_the_output(tmp_path, refused, content, output, fragments):
    (tmp_path / "rows").write_text(content, encoding="utf-8")
    assert_says(refused("rows", output), "rows", *fragments)


# Parquet


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
