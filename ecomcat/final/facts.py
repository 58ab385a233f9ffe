"""What a study's report shows of the final model, gathered while the model is at hand."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from ecomcat.artifact.occlusion import explain_texts
from ecomcat.data.dataset import Dataset
from ecomcat.final.finish import Finished
from ecomcat.final.mistakes import confident_mistakes
from ecomcat.model.confidence import acceptance_of
from ecomcat.model.layers import describe_networks
from ecomcat.model.reliability import calibration_bins, coverage_curve
from ecomcat.model.training import predict_probabilities
from ecomcat.text.tokenizer import deployed_tokenizer


def final_facts(
    dataset: Dataset, finished: Finished, tokenizer: Tokenizer, model_dir: Path
) -> dict[str, Any]:
    """Return everything that the report says of the final model.

    Args:
        dataset: all texts.
        finished: what the run ended with.
        tokenizer: of the largest vocabulary.
        model_dir: where the model was exported to.

    Returns:
        `metrics` as in `metrics.json`, the `verdict` on the baseline, `networks` (the layers of
        the model and of its first part), `calibration` and `coverage` (curves of test and
        validation), `mistakes` on test, and `model_dir`.
    """
    tested, split = finished.tested, dataset.split
    final = tested.final
    deployed = deployed_tokenizer(tokenizer, final.vocabulary_size, final.max_tokens)
    judged = {
        "test": acceptance_of(tested.test, dataset.labels[split.test]),
        "validation": acceptance_of(tested.validation, dataset.labels[split.validation]),
    }
    return {
        "model_dir": str(model_dir),
        "metrics": finished.metrics,
        "verdict": finished.verdict,
        "networks": describe_networks(final.model),
        "calibration": {
            part: calibration_bins(each.confidence, each.correct) for part, each in judged.items()
        },
        "coverage": {
            part: coverage_curve(each.confidence, each.correct) for part, each in judged.items()
        },
        "mistakes": confident_mistakes(
            [dataset.texts[row] for row in split.test],
            dataset.labels[split.test],
            tested.test,
            dataset.classes,
            partial(explain_texts, partial(predict_probabilities, final.model), deployed),
        ),
    }
