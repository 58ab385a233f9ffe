"""Answer texts with a classifier, one call at a time, first come, first served."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ecomcat.export.explanation import WordWeight
from ecomcat.export.labelling import Predictor, label_texts, reason_of
from ecomcat.serving.schemas import Prediction, Word
from ecomcat.text.tokenizer import valid_unicode

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MAX_THRESHOLDS = 256


class Answers:
    """A classifier whose every call is made by one thread, first come, first served.

    Args:
        classifier: What answers the texts; it may use several threads itself.
        min_precision: Float. What `accept` stands for where a request does not say.

    Attributes:
        threshold: Function of a precision that returns the least confidence whose answers are
            right so often; None where none is.
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
        self, texts: Sequence[str], *, explain: bool, min_precision: float | None
    ) -> list[Prediction]:
        """Answer texts, in their order, without holding up other requests.

        Args:
            texts: Sequence of strings that UTF-8 can express.
            explain: Boolean. Whether to weigh their words.
            min_precision: Float. What `accept` stands for; None for the service's own.
        """
        wanted = self.min_precision if min_precision is None else min_precision
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, self._predict, texts, explain, wanted
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
        predictions = [_unreadable(text, explain) for text in texts]
        chosen = [texts[position] for position in labelled.answered]
        words = self._classifier.explain(chosen) if explain and chosen else [None] * len(chosen)
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
                **_words(weights),
            )
        return predictions


def _words(weights: Sequence[WordWeight] | None) -> dict[str, Any]:
    if weights is None:
        return {}
    words = [Word(word=x.word, weight=x.weight, spans=list(map(list, x.spans))) for x in weights]
    return {"words": words}


def _unreadable(text: str, explain: bool) -> Prediction:
    words: dict[str, Any] = {"words": []} if explain else {}
    return Prediction(
        label=None,
        confidence=None,
        accept=False,
        probabilities=None,
        reason=reason_of(text),
        **words,
    )
