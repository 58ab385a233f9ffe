"""Answer texts with a classifier, one call at a time, first come, first served."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ecomcat.export.explanation import WordWeight
from ecomcat.export.labelling import Predictor, label_texts, reason_of
from ecomcat.serving.schemas import Prediction
from ecomcat.text.tokenizer import valid_unicode

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MAX_THRESHOLDS = 256
_NO_ANSWER = {"label": None, "confidence": None, "accept": False, "probabilities": None}


class Answers:
    """A classifier whose every call is made by one thread.

    Args:
        classifier: What answers the texts; it may use several threads itself.
        min_precision: Float. What `accept` stands for where a request does not say.
    """

    def __init__(self, classifier: Predictor, min_precision: float) -> None:
        self.labels = list(map(valid_unicode, classifier.labels))
        self.text_columns = classifier.text_columns
        self.min_precision = min_precision
        # Read off thousands of confidences, for each request anew but for this.
        self.threshold = lru_cache(_MAX_THRESHOLDS)(classifier.threshold)
        self._classifier = classifier
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="inference")

    async def predict(
        self, texts: Sequence[str], *, explain: bool = False, min_precision: float | None = None
    ) -> list[Prediction]:
        """Answer texts that UTF-8 can express, in their order."""
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, self._predict, texts, explain, min_precision or self.min_precision
        )

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return each class's probability for each text, to a thread that can wait for its turn."""
        return self._thread.submit(self._classifier.probabilities, texts).result()

    def explain(self, texts: Sequence[str]) -> Sequence[Sequence[WordWeight]]:
        """Return the words of each text, strongest first, to a thread that can wait."""
        return self._thread.submit(self._classifier.explain, texts).result()

    def close(self) -> None:
        """Answer no more; what waits is given up."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _predict(
        self, texts: Sequence[str], explain: bool, min_precision: float
    ) -> list[Prediction]:
        labelled = label_texts(self._classifier, texts, self.threshold(min_precision))
        blank: dict[str, Any] = {**_NO_ANSWER, **({"words": []} if explain else {})}
        predictions = [Prediction(**blank, reason=reason_of(text)) for text in texts]
        chosen = [texts[position] for position in labelled.answered]
        words = self._classifier.explain(chosen) if explain and chosen else [()] * len(chosen)
        for position, label, confidence, accept, row, weights in zip(
            labelled.answered,
            labelled.label_ids,
            labelled.confidences.tolist(),
            labelled.accepted.tolist(),
            labelled.probabilities.tolist(),
            words,
            strict=True,
        ):
            predictions[position] = Prediction(
                label=self.labels[label],
                confidence=confidence,
                accept=accept,
                probabilities=dict(zip(self.labels, row, strict=True)),
                **({"words": weights} if explain else {}),
            )
        return predictions
