"""What must agree before a study is resumed, and the name that follows from it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ecomcat.config import SearchCommand, SearchConfig
from ecomcat.data.dataset import Dataset
from ecomcat.model.domains import Domain
from ecomcat.model.scores import OBJECTIVE

TOGETHER, EXCLUDED = "near_duplicates_together", "excluded"


def study_identity(
    config: SearchCommand, dataset: Dataset, space: Mapping[str, Domain]
) -> dict[str, Any]:
    """Return everything that must agree before a study may be resumed.

    The number of trials and the minutes are not among it: they may grow.
    """
    search = config.search
    identity: dict[str, Any] = {
        "data": dataset.content_hash,
        "validation_fraction": config.data.validation_fraction,
        "test_fraction": config.data.test_fraction,
        "seed": config.seed,
        "build": config.model.build,
        **{f"model.{name}": str(domain) for name, domain in space.items()},
        "algorithm": search.algorithm,
        "max_epochs": search.max_epochs,
        "patience": search.patience,
        "pruning": _pruning(search),
        "objective": f"{OBJECTIVE} max",
    }
    if search.algorithm == "hyperband":
        identity["hyperband_factor"] = search.hyperband_factor
    if config.model.pretrained_vectors is not None:
        identity["pretrained_vectors"] = file_hash(config.model.pretrained_vectors)
    return identity | split_identity(dataset)


def split_identity(dataset: Dataset) -> dict[str, str]:
    """Return what options make of a split; those that are off leave no trace in the identity.

    So studies from before these options go on.
    """
    identity = {}
    if dataset.groups is not None:
        groups = dataset.groups.astype("<i8").tobytes()
        identity[TOGETHER] = hashlib.sha256(groups).hexdigest()[:16]
    if dataset.exclusion is not None:
        identity[EXCLUDED] = dataset.exclusion.identity
    return identity


def file_hash(path: str) -> str:
    """Hash a file's bytes."""
    with Path(path).expanduser().open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]


def _pruning(search: SearchConfig) -> str:
    """Describe the rule by which trials end early, in what it depends on."""
    if search.pruner == "none":
        return "none"
    factor = f", factor {search.halving_factor}" if search.pruner == "halving" else ""
    return f"{search.pruner}, warm-up {search.warmup_epochs}, peers {search.min_peers}{factor}"


def default_name(model: str, data: str, identity: Mapping[str, Any]) -> str:
    """Return `<model>-<data>-<hash>`, the same for the same identity."""
    content = json.dumps(identity, sort_keys=True).encode()
    digest = hashlib.sha256(content).hexdigest()[:8]
    return f"{re.sub(r'[^A-Za-z0-9_.-]+', '_', f'{model}-{data}').lstrip('_.-')}-{digest}"
