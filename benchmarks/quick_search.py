"""What a quick search takes and reaches: wall and CPU time, peak memory and test scores by seed.

Each finished seed is kept in a folder and not run again while the data, the code, the
configuration and the overrides stay the same, so an interrupted measurement can be taken up.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import ecomcat
from benchmarks.common import (
    add_data_argument,
    describe_machine,
    digest,
    format_table,
    new_parser,
    print_result,
    run_measured,
    run_script,
)
from ecomcat.config import conf_dir
from ecomcat.errors import UserError
from ecomcat.files import write_json

_COLUMNS = (
    ("trials", "trials", ".0f"),
    ("wall_minutes", "wall min", ".2f"),
    ("cpu_minutes", "CPU min", ".2f"),
    ("peak_gigabytes", "peak GB", ".2f"),
    ("accuracy", "test accuracy", ".4f"),
    ("macro_f1", "test macro-F1", ".4f"),
)


@dataclass(frozen=True)
class Job:
    """What all seeds share.

    Args:
        data: a labelled file; None for the sample.
        overrides: Hydra's, after our own.
        store: the folder of finished seeds.
        data_hash: of the file's bytes.
        code_hash: of the package's modules and YAML files.
    """

    data: Path | None
    overrides: tuple[str, ...]
    store: Path
    data_hash: str
    code_hash: str

    def record_path(self, seed: int) -> Path:
        """Return the file that holds a seed's result, another one for each thing that matters."""
        overrides = f"-overrides_{digest(self.overrides)[:8]}" if self.overrides else ""
        name = f"seed_{seed}-data_{self.data_hash[:8]}-code_{self.code_hash[:8]}{overrides}"
        return self.store / f"{name}.json"

    def command(self, seed: int, folder: Path) -> list[str]:
        """Return the program and arguments of one search.

        Args:
            seed: the run's.
            folder: takes `model` and `outputs`.
        """
        data = ["data=sample"]
        if self.data is not None:
            data = ["data=csv", f"data.path={self.data.resolve()}"]
        folders = [f"model_dir={folder / 'model'}", f"outputs_dir={folder / 'outputs'}"]
        return [
            *(sys.executable, "-m", "ecomcat.search"),
            *(*data, "budget=quick", f"seed={seed}", *folders, *self.overrides),
        ]


def new_job(data: Path | None, overrides: Sequence[str], store: Path) -> Job:
    """Hash what decides a result besides the seed.

    Raises:
        UserError: when the file is not there.
    """
    if data is not None and not data.is_file():
        raise UserError(f"Expected a labelled file in --data, found none at {data}: mend the path.")
    # The sample is generated, so the code's hash stands for it, too.
    data_hash = "sample" if data is None else digest([data.read_bytes()])
    folders = (Path(ecomcat.__file__).parent, conf_dir())
    files = {path for folder in folders for path in folder.rglob("*") if _is_source(path)}
    code_hash = digest(path.read_bytes() for path in sorted(files))
    return Job(data, tuple(overrides), store, data_hash, code_hash)


def _is_source(path: Path) -> bool:
    return path.suffix in {".py", ".yaml"}


def run_seed(job: Job, seed: int) -> dict[str, Any]:
    """Search with one seed, or read what an earlier run of it left.

    Returns:
        The figures of the table, the machine and all of `metrics.json`.

    Raises:
        UserError: when the search fails.
    """
    path = job.record_path(seed)
    if path.exists():
        _tell(f"seed {seed}: taken from {path}")
        stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return stored
    log = path.with_suffix(".log")
    _tell(f"seed {seed}: searching; its log: {log}")
    job.store.mkdir(parents=True, exist_ok=True)
    machine = describe_machine()
    with tempfile.TemporaryDirectory(prefix="quick_search_") as folder:
        usage = run_measured(job.command(seed, Path(folder)), log)
        metrics_file = Path(folder) / "model" / "metrics.json"
        metrics = json.loads(metrics_file.read_text(encoding="utf-8"))
    record = {
        "seed": seed,
        **figures(asdict(usage), metrics),
        "overrides": list(job.overrides),
        "machine": machine,
        "metrics": metrics,
    }
    write_json(path, record)
    return record


def figures(usage: Mapping[str, float], metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return what the table shows of one run.

    Args:
        usage: `wall_seconds`, `cpu_seconds` and `peak_gigabytes`.
        metrics: the content of `metrics.json`.
    """
    return {
        "trials": metrics["search"]["trials"],
        "wall_minutes": usage["wall_seconds"] / 60,
        "cpu_minutes": usage["cpu_seconds"] / 60,
        "peak_gigabytes": usage["peak_gigabytes"],
        "accuracy": metrics["test"]["accuracy"],
        "macro_f1": metrics["test"]["macro_f1"],
    }


def search_table(records: Sequence[Mapping[str, Any]]) -> str:
    """Write a row a seed and the mean of all."""
    rows = [
        [str(record["seed"]), *(format(record[key], form) for key, _, form in _COLUMNS)]
        for record in records
    ]
    means = [
        format(
            statistics.fmean(record[key] for record in records), ".1f" if form == ".0f" else form
        )
        for key, _, form in _COLUMNS
    ]
    return format_table(["seed", *(title for _, title, _ in _COLUMNS)], [*rows, ["mean", *means]])


def _tell(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def main() -> None:
    """Run the script."""
    parser = new_parser("quick_search", "Measure budget=quick with several seeds.")
    add_data_argument(parser)
    parser.add_argument(
        "--seeds",
        type=int,
        nargs="+",
        default=[1, 2, 3],
        metavar="SEED",
        help="of the searches, one after the other (default: 1 2 3)",
    )
    parser.add_argument(
        "--store",
        type=Path,
        default=Path("outputs/benchmarks/quick_search"),
        metavar="FOLDER",
        help="where finished seeds and their logs are kept (default: %(default)s)",
    )
    parser.add_argument(
        "overrides", nargs="*", metavar="OVERRIDE", help="further Hydra overrides, after --"
    )
    arguments = parser.parse_args()
    records = []
    for seed in dict.fromkeys(arguments.seeds):
        # Hashed anew for each seed: a file may be edited while the seed before it searches.
        job = new_job(arguments.data, arguments.overrides, arguments.store)
        records.append(run_seed(job, seed))
    print_result(records[-1]["machine"], search_table(records))


if __name__ == "__main__":
    run_script(main)
