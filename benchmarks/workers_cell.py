"""Run one cell of `benchmarks.workers`: a search with so many workers, in a process of its own."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.listening import TrialClock
from ecomcat.config import DataConfig, SearchCommand, SearchConfig
from ecomcat.data.dataset import load_dataset
from ecomcat.files import write_json
from ecomcat.process import import_tensorflow
from ecomcat.text.encoding import encode_all
from ecomcat.text.tokenizer import fit_tokenizer


def run_cell(setting: Mapping[str, Any], output: Path) -> None:
    """Search once and write how long it took and what each trial scored.

    Args:
        setting: as `benchmarks.workers` makes it.
        output: a JSON file: `seconds` from the first trial's begin to the last one's end, those
            before the first trial as `start_up_seconds`, and `objectives` by trial.
    """
    import_tensorflow()
    from ecomcat.tuning.records import load_records
    from ecomcat.tuning.study import open_study
    from ecomcat.tuning.tuner import run_search

    config, space, inputs = _prepare(setting)
    clock = TrialClock()
    with (
        tempfile.TemporaryDirectory(prefix="workers_") as folder,
        open_study(Path(folder), "study", {}, overwrite=False) as study,
    ):
        began = time.perf_counter()
        run_search(config, inputs, space, study, [clock])
        result = {
            "setting": setting,
            "seconds": clock.last_ended - clock.first_began,
            "start_up_seconds": clock.first_began - began,
            "objectives": {record.id: record.objective for record in load_records(study)},
        }
    write_json(output, result)


def _prepare(setting: Mapping[str, Any]) -> tuple[SearchCommand, Any, Any]:
    """Return configuration, space and what all trials share."""
    from benchmarks.formula_worker import default_model
    from ecomcat.model.network import find_builder
    from ecomcat.tuning.trial import TrialInputs

    dataset = load_dataset(DataConfig(name="csv", path=setting["data"]), seed=1)
    training_texts = [dataset.texts[row] for row in dataset.split.train]
    model, space = default_model(len(training_texts))
    tokenizer = fit_tokenizer(training_texts, int(space["vocabulary_size"].highest))
    search = SearchConfig(
        algorithm="random",
        max_trials=setting["trials"],
        max_minutes=600.0,
        max_epochs=setting["epochs"],
        pruner="none",
        workers=setting["workers"],
    )
    inputs = TrialInputs(
        build=find_builder(model.build),
        texts=encode_all(tokenizer, dataset.texts, int(space["max_tokens"].highest)),
        labels=dataset.labels,
        classes=len(dataset.classes),
        split=dataset.split,
        seed=setting["seed"],
        patience=setting["epochs"],
        max_epochs=setting["epochs"],
    )
    return SearchCommand(model=model, search=search, seed=setting["seed"]), space, inputs


if __name__ == "__main__":
    run_cell(json.loads(sys.argv[1]), Path(sys.argv[2]))
