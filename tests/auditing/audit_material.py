"""Small files with flaws, and an audit of them in the test's own process."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ecomcat.auditing.run import Audit, audit_rows, run_audit
from ecomcat.command_config import AuditCommand
from ecomcat.config import DataConfig
from ecomcat.data.cleaning import labelled_frame
from ecomcat.data.sources import LabelledRows

HARM = "</script><script>document.title='harm'</script><img src=x onerror=alert(1)>"
NOUNS = {
    "Books": "novel author chapters story edition reader paperback poems".split(),  # noqa: SIM905
    "Toys": "puzzle doll dice blocks playing game children robot".split(),  # noqa: SIM905
    "Garden": "spade seeds hose soil flowers shears lawn watering".split(),  # noqa: SIM905
}
LONG = "A solid oak bookshelf with five wide shelves for the living room and the hall"
Rows = Sequence[tuple[str, str]]


def plain_rows(each: int = 40) -> list[tuple[str, str]]:
    """Return distinct texts of three classes that a linear model tells apart, and as labels."""
    draw = random.Random(1)
    return [
        (f"{' '.join(draw.sample(words, 5))} item{draw.randrange(10**6)} of shop {number}", label)
        for label, words in NOUNS.items()
        for number in range(each)
    ]


def write_rows(path: Path, rows: Rows) -> Path:
    """Write rows as a CSV of label and text, without a header."""
    with path.open("w", encoding="utf-8", errors="surrogatepass", newline="") as stream:
        csv.writer(stream).writerows((label, text) for text, label in rows)
    return path


def audited(rows: Rows, **options: Any) -> Audit:
    """Audit rows without a file."""
    frame = labelled_frame(*map(list, zip(*rows, strict=True)))
    source = LabelledRows("rows", "rows", frame)
    return audit_rows(AuditCommand(**{"splits": 1, **options}), source)


def audit_file(path: Path, folder: Path, **options: Any) -> dict[str, Any]:
    """Audit a file in a folder and return what stands in `audit.json`."""
    data = DataConfig(name="csv", path=str(path), **options.pop("data", {}))
    run_audit(AuditCommand(data=data, output_dir=str(folder), **{"splits": 1, **options}))
    place = folder / path.stem.replace(" ", "_") / "audit.json"
    found: dict[str, Any] = json.loads(place.read_text("utf-8"))
    return found


def table_of(path: Path) -> list[dict[str, str]]:
    """Read one of the CSVs that an audit writes."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))
