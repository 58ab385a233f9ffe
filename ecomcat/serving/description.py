"""Tell what is being served: its categories, figures, origin and limits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ecomcat.artifact.export import METRICS
from ecomcat.config import ServeCommand
from ecomcat.serving.messages import Acceptance, Figures, Limits, ModelDescription
from ecomcat.text.tokenizer import valid_unicode


def read_metrics(directory: Path) -> dict[str, Any]:
    """Return what an exported folder's `metrics.json` holds; nothing where it tells nothing."""
    try:
        content = json.loads((directory / METRICS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def describe_model(
    labels: list[str],
    metrics: Mapping[str, Any],
    config: ServeCommand,
    min_confidence: float | None,
) -> ModelDescription:
    """Describe what is being served.

    Args:
        labels: names of the classes.
        metrics: what `metrics.json` holds; what it lacks is null.
        config: the limits.
        min_confidence: the least confidence that is accepted; None where none is enough.
    """
    test = _part(metrics, "test")
    source = _part(metrics, "data").get("source")
    settings = asdict(config)
    return ModelDescription(
        labels=labels,
        accept=Acceptance(min_precision=config.min_precision, min_confidence=min_confidence),
        test=Figures(
            accuracy=_number(test.get("accuracy")),
            macro_f1=_number(test.get("macro_f1")),
            coverage=dict(_part(test, "coverage")) or None,
        ),
        data_source=valid_unicode(source) if isinstance(source, str) else None,
        versions={name: str(version) for name, version in _part(metrics, "versions").items()},
        limits=Limits(**{name: settings[name] for name in Limits.model_fields}),
    )


def _part(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = content.get(name)
    return part if isinstance(part, dict) else {}


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
