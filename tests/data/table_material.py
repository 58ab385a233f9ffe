"""Write a table in any format, and read one whole, without looking for a header."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ecomcat.config import ReadingConfig
from ecomcat.data.header import Columns
from ecomcat.data.reading import open_table

ALL_ROWS = Columns(())


def read(source: Path | bytes | str | Any, name: str | None = None, **reading: Any) -> Any:
    """Return the rows of a file, of bytes or of a stream."""
    if isinstance(source, str):
        source = source.encode()
    if isinstance(source, bytes):
        source = io.BytesIO(source)
    with open_table(source, ReadingConfig(**reading), name=name) as table:
        chunks = table.chunks(ALL_ROWS, 4096)
        return [row for chunk in chunks for row in chunk.frame.to_numpy().tolist()]


def write_table(path: Path, rows: Sequence[dict[str, Any]], delimiter: str = ",") -> Path:
    """Write rows, dictionaries of the same keys, in the format of the file's ending."""
    name = path.name.lower()
    if name.endswith((".parquet", ".pq")):
        pq.write_table(pa.Table.from_pylist(list(rows)), path)
    elif name.endswith(".xlsx"):
        pd.DataFrame(rows).to_excel(path, index=False)
    elif "json" in name:
        content = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows).encode()
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    else:
        with path.open("w", encoding="utf-8", newline="") as stream:
            delimiter = "\t" if ".tsv" in name else delimiter
            writer = csv.DictWriter(stream, list(rows[0]), delimiter=delimiter)
            writer.writeheader()
            writer.writerows(rows)
    return path
