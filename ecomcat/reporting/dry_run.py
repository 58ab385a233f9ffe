"""`search.dry_run=true`: what a search would run, before anything is trained."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ecomcat.commands import SearchCommand
from ecomcat.export.summary import planned_model
from ecomcat.model.space import Domain, space_size
from ecomcat.reporting.terminal import output_console, text_table
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
    """Print the space, its size, and what a search of it would run.

    Args:
        config: The configuration of the run, with the epochs decided.
        space: Domain of each hyperparameter, with the batch size decided.
        study: The folder where it would stand.
        identity: What must agree with what the study was begun with.
        training_texts: Integer. Texts that each trial would train on.
    """
    rows = [(name, str(domain), _count(domain.size)) for name, domain in space.items()]
    table = text_table("Search space", ("hyperparameter", "domain", "values"), rows)
    console = output_console()
    console.print(table)
    search, size = config.search, space_size(space)
    pruner = make_pruner(search).name
    pruning = "" if pruner == "none" else f", {pruner} pruning"
    console.print(f"Configurations: {_count(size)}")
    trials = int(min(search.max_trials, size))
    console.print(
        f"Would run: {make_algorithm(search).name}{pruning}, at most {_counted(trials)} "
        f"of at most {search.max_epochs} epochs over {training_texts:,} texts, within "
        f"{search.max_minutes:g} minutes, {_workers(config)}"
    )
    if config.data.group_near_duplicates:
        similarity = config.data.near_duplicate_similarity
        console.print(f"Split: near-duplicates (similarity from {similarity:g}) stay on one side")
    if config.data.exclude:
        console.print(f"Left out of train and validation: rows marked in {config.data.exclude}")
    state = _state(study, identity, overwrite=search.overwrite)
    console.print(f"Study: {study.directory} ({state})", soft_wrap=True)
    console.print(f"Model: {config.model_dir} ({planned_model(config.final)})", soft_wrap=True)


def _count(size: float) -> str:
    return "continuous" if math.isinf(size) else f"{size:,.0f}"


def _workers(config: SearchCommand) -> str:
    search = config.search
    place = f"on the Ray cluster {search.cluster}" if search.cluster else "on this machine"
    plural = "worker" if search.workers == 1 else "workers"
    return f"{search.workers} {plural} {place}"


def _state(study: Study, identity: Mapping[str, Any], *, overwrite: bool) -> str:
    """Say in words what a run would make of the study's folder."""
    trials = len(load_records(study))
    if not trials:
        return "new"
    if overwrite:
        return f"begins afresh, without the {_counted(trials)} that are there"
    if read_study(study.directory)["identity"] != identity:
        return "would be refused: it was begun with something else"
    return f"goes on from {_counted(trials)}"


def _counted(trials: int) -> str:
    return f"{trials} {'trial' if trials == 1 else 'trials'}"
