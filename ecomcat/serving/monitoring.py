"""Metrics for operators, in the text format of Prometheus, without any text or label."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST as METRICS_TYPE
from prometheus_client.exposition import generate_latest

__all__ = ["METRICS_TYPE", "Monitor"]

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_CONFIDENCES = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0)
_BATCHES = tuple(2**power for power in range(11))


class Monitor:
    """Counts requests and answers; several services of a process do not share their counts.

    Attributes:
        queue: Prometheus's gauge of the requests under way.
        model: Prometheus's note of the model that answers.
    """

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._requests = Counter(
            "ecomcat_requests",
            "Requests answered",
            ["route", "method", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "ecomcat_request_seconds",
            "Time from a request's header to the end of its answer",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._texts = Counter(
            "ecomcat_texts",
            "Texts answered: accepted, unsure, or empty (without a letter or digit)",
            ["outcome"],
            registry=registry,
        )
        self._confidence = Histogram(
            "ecomcat_confidence",
            "Confidences of the answers",
            buckets=_CONFIDENCES,
            registry=registry,
        )
        self._batch = Histogram(
            "ecomcat_batch_texts",
            "Texts that the model answers at a time",
            buckets=_BATCHES,
            registry=registry,
        )
        self.queue = Gauge("ecomcat_queue_requests", "Requests under way", registry=registry)
        self.model = Info("ecomcat_model", "The model that answers", registry=registry)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request that has its answer."""
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def answers(self, probabilities: NDArray[np.float32]) -> None:
        """Count what the model answered at a time, shape `(texts, classes)`."""
        self._batch.observe(len(probabilities))
        for confidence in probabilities.max(axis=1, initial=0).tolist():
            self._confidence.observe(confidence)

    def texts(self, texts: int, *, empty: int, accepted: int) -> None:
        """Count texts by their result."""
        outcomes = {"accepted": accepted, "empty": empty, "unsure": texts - empty - accepted}
        for outcome, count in outcomes.items():
            self._texts.labels(outcome).inc(count)

    def page(self) -> bytes:
        """Return all metrics, in the text format."""
        return generate_latest(self._registry)
