"""A small file with one of each flaw, and an audit of it in the test's own process."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ecomcat.auditing.run import run_audit
from ecomcat.config import AuditCommand, DataConfig

HARM = "</script><script>document.title='harm'</script><img src=x onerror=alert(1)>"
NOUNS = {
    "Books": "novel author chapters story edition reader paperback poems".split(),  # noqa: SIM905
    "Toys": "puzzle doll dice blocks playing game children robot".split(),  # noqa: SIM905
    "Garden": "spade seeds hose soil flowers shears lawn watering".split(),  # noqa: SIM905
}
Rows = list[tuple[str, str]]


def plain_rows(each: int = 40, seed: int = 1) -> Rows:
    """Return distinct texts of three classes that a linear model tells apart, and as labels."""
    draw = random.Random(seed)
    return [
        (f"{' '.join(draw.sample(words, 5))} item{draw.randrange(10**6)} of shop {number}", label)
        for label, words in NOUNS.items()
        for number in range(each)
    ]


def write_rows(path: Path, rows: Sequence[tuple[str, str]]) -> Path:
    """Write rows as a CSV of label and text, without a header."""
    with path.open("w", encoding="utf-8", errors="surrogatepass", newline="") as stream:
        csv.writer(stream).writerows((label, text) for text, label in rows)
    return path


def audit(path: Path, folder: Path, **options: Any) -> dict[str, Any]:
    """Audit a file in a folder and return what stands in `audit.json`."""
    data = DataConfig(name="csv", path=str(path), **options.pop("data", {}))
    place = folder / options.pop("name", path.stem)
    options = {"splits": 1, **options}
    run_audit(AuditCommand(data=data, output_dir=str(folder), **options))
    figures: dict[str, Any] = json.loads((place / "audit.json").read_text("utf-8"))
    return figures


def table_of(path: Path) -> list[dict[str, str]]:
    """Read one of the CSVs that an audit writes."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))
