"""A model as it is served, checked before it answers anyone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from ecomcat.command_config import ServeCommand
from ecomcat.export.bundle import MANIFEST
from ecomcat.export.contents import read_metrics
from ecomcat.export.predicted_columns import Predictor
from ecomcat.model.confidence import Promise
from ecomcat.text.tokenizer import valid_unicode

_MAX_THRESHOLDS = 256
_VERSION_DIGITS = 12


def promised(limits: ServeCommand, min_precision: float | None = None) -> Promise:
    """Return the promise for accepted answers: the request's precision or the service's."""
    return Promise(
        min_precision or limits.min_precision,
        limits.confidence_level,
        max_false_alarms=limits.max_false_alarms,
    )


class Model:
    """A classifier, and the information about it.

    Args:
        classifier: What answers the texts.
        metrics: Dictionary. What `metrics.json` holds.
        version: String. The beginning of the SHA-256 of its manifest.

    Attributes:
        since: String. When it was opened, in UTC, as ISO 8601 writes it.
    """

    def __init__(
        self, classifier: Predictor, metrics: Mapping[str, Any], version: str = "unknown"
    ) -> None:
        self.classifier, self.metrics, self.version = classifier, metrics, version
        self.labels = list(map(valid_unicode, classifier.labels))
        # Without this cache thousands of confidences would be searched for each request.
        self.thresholds = lru_cache(_MAX_THRESHOLDS)(classifier.thresholds)
        self.novel_from = lru_cache(_MAX_THRESHOLDS)(classifier.novel_from)
        self.level_thresholds = lru_cache(_MAX_THRESHOLDS)(classifier.level_thresholds)
        self.taxonomy = classifier.taxonomy
        self.since = datetime.now(UTC).isoformat(timespec="seconds")


def open_model(directory: Path, runtime: str) -> Model:
    """Open an exported model, and check it by answering some texts.

    Raises:
        UserError: When its files do not belong together, or its answers are invalid.
    """
    from ecomcat.export.classifier import load_classifier

    classifier = load_classifier(directory, runtime)
    digest = hashlib.sha256((directory / MANIFEST).read_bytes()).hexdigest()
    return Model(classifier, read_metrics(directory), digest[:_VERSION_DIGITS])
