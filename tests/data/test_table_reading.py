"""A small file may stand for a huge one: no more of it is held at a time than fits in memory."""

from __future__ import annotations

import gzip
import io
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ecomcat.config import ReadingConfig
from ecomcat.data.decoding import MAX_LINE_CHARACTERS
from ecomcat.data.reading import open_table
from ecomcat.errors import UserError
from tests.data.table_material import ALL_ROWS, read


@pytest.mark.parametrize("characters", [1, 10**5])
def test_of_parquet_so_many_rows_are_held_or_fewer_large_ones(
    tmp_path: Path, characters: int
) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": pa.array(["a" * characters] * 2000)}), path)
    assert path.stat().st_size < 10**5
    with open_table(path, ReadingConfig()) as table:
        held = [len(chunk.frame) for chunk in table.chunks(ALL_ROWS, 1000)]
    assert sum(held) == 2000
    assert max(held) * characters <= 10**8
    assert max(held) <= 1000
    assert characters > 1 or len(held) == 3  # of whole batches


@pytest.mark.parametrize(
    ("name", "start"),
    [("a.csv.gz", b"text\n"), ("a.csv.gz", b"text\r\r\n"), ("a.jsonl.gz", b'{"text": "')],
)
def test_a_line_without_end_is_refused_before_all_of_it_is_held(name: str, start: bytes) -> None:
    packed = gzip.compress(start + b"a" * (5 * MAX_LINE_CHARACTERS), compresslevel=1)
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match=r"line \d: expected at most 67,108,864 characters"):
            read(packed, name=name)
        assert tracemalloc.get_traced_memory()[1] < 4 * MAX_LINE_CHARACTERS
    finally:
        tracemalloc.stop()


def workbook(content: bytes) -> bytes:
    """Return a workbook whose list of sheets is something else."""
    import openpyxl

    whole, changed = io.BytesIO(), io.BytesIO()
    openpyxl.Workbook().save(whole)
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            new.writestr(name, content if name == "xl/workbook.xml" else old.read(name))
    return changed.getvalue()


ENTITIES = b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 12))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<a>",
        b"<workbook/>",
        b'<!DOCTYPE a [<!ENTITY a0 "a">' + ENTITIES + b"]><a>&a11;</a>",
    ],
    ids=["empty", "cut", "another", "entities of entities"],
)
def test_a_workbook_that_is_wrong_inside_is_refused(content: Any) -> None:
    with pytest.raises(UserError, match="expected an Excel workbook, found one that cannot be"):
        read(workbook(content), name="a.xlsx")
