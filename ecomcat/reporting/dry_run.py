"""`search.dry_run=true`: what a search would run, before anything is trained."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ecomcat.commands import SearchCommand
from ecomcat.export.summary import Table, planned_model
from ecomcat.model.space import Domain, space_size
from ecomcat.reporting.terminal import output_console, print_tables
from ecomcat.tuning.algorithms import make_algorithm
from ecomcat.tuning.pruners import make_pruner
from ecomcat.tuning.records import load_records
from ecomcat.tuning.study import Study, read_study


def print_dry_run(
    config: SearchCommand,
    space: Mapping[str, Domain],
    study: Study,
    identity: Mapping[str, Any],
    training_texts: int,
) -> None:
    """Print the space, its size, and what a search of it would run on so many texts.

    The epochs and the batch size are decided by now; `study` is the folder where it would stand,
    and `identity` what must agree with what it was begun with.
    """
    rows = [[name, str(domain), _count(domain.size)] for name, domain in space.items()]
    print_tables(Table(["hyperparameter", "domain", "values"], rows, "Search space"))
    search, data, size = config.search, config.data, space_size(space)
    pruner = make_pruner(search).name
    pruning = "" if pruner == "none" else f", {pruner} pruning"
    workers = f"{search.workers} {'worker' if search.workers == 1 else 'workers'}"
    place = f"on the Ray cluster {search.cluster}" if search.cluster else "on this machine"
    lines = [
        f"Configurations: {_count(size)}",
        f"Would run: {make_algorithm(search).name}{pruning}, at most "
        f"{_trials(int(min(search.max_trials, size)))} of at most {search.max_epochs} epochs over "
        f"{training_texts:,} texts, within {search.max_minutes:g} minutes, {workers} {place}",
    ]
    if data.group_near_duplicates:
        similarity = f"{data.near_duplicate_similarity:g}"
        lines.append(f"Split: near-duplicates (similarity from {similarity}) stay on one side")
    if data.exclude:
        lines.append(f"Left out of train and validation: rows marked in {data.exclude}")
    lines.append(f"Study: {study.directory} ({_state(study, identity, search.overwrite)})")
    lines.append(f"Model: {config.model_dir} ({planned_model(config.final)})")
    output_console().print(*lines, sep="\n", soft_wrap=True)


def _count(size: float) -> str:
    return "continuous" if math.isinf(size) else f"{size:,.0f}"


def _trials(count: int) -> str:
    return f"{count} {'trial' if count == 1 else 'trials'}"


def _state(study: Study, identity: Mapping[str, Any], overwrite: bool) -> str:
    """Say in words what a run would make of the study's folder."""
    trials = len(load_records(study))
    if not trials:
        return "new"
    if overwrite:
        return f"begins afresh, without the {_trials(trials)} that are there"
    if read_study(study.directory)["identity"] != identity:
        return "would be refused: it was begun with something else"
    return f"goes on from {_trials(trials)}"
