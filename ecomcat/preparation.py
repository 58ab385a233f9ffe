"""From a data set to what a search begins with: encoded texts, and what all trials share."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecomcat.artifact.export import package_versions
from ecomcat.config import SearchCommand
from ecomcat.data.dataset import Dataset
from ecomcat.data.lengths import describe_lengths
from ecomcat.model.domains import Domain
from ecomcat.model.space import resolve_auto
from ecomcat.reporting.steps import step
from ecomcat.text.encoding import EncodedTexts, encode_all
from ecomcat.text.tokenizer import fit_tokenizer, mean_words
from ecomcat.tuning.oracles.budget import decide_epochs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    from ecomcat.tuning.workers.trial import TrialInputs

logger = logging.getLogger("ecomcat")

_COUNTED_TEXTS = 2000  # of which the words are counted before all are encoded


def settle(
    config: SearchCommand, space: Mapping[str, Domain], dataset: Dataset
) -> tuple[SearchCommand, dict[str, Domain]]:
    """Decide what `auto` leaves to the data: the batch size, the epochs and the patience.

    Args:
        config: of the run.
        space: domain of each hyperparameter.
        dataset: all texts, and which of them are train.

    Returns:
        The configuration and the space with numbers in place of `auto`.
    """
    train = dataset.split.train
    # Texts stand in the order of their digests, and so the first ones are any.
    counted = train[:_COUNTED_TEXTS]
    space = resolve_auto(space, len(train))
    search = decide_epochs(
        config.search,
        space,
        training_texts=len(train),
        categories=len(dataset.classes),
        mean_words=mean_words([dataset.texts[row] for row in counted]),
    )
    return replace(config, search=search), space


def encode_once(dataset: Dataset, space: Mapping[str, Domain]) -> tuple[Tokenizer, EncodedTexts]:
    """Fit the largest vocabulary on train and encode every text to the longest limit.

    Args:
        dataset: all texts, and which of them are train.
        space: domain of each hyperparameter.
    """
    training_texts = (dataset.texts[row] for row in dataset.split.train)
    with step("Fitting the vocabulary"):
        tokenizer = fit_tokenizer(training_texts, int(space["vocabulary_size"].highest))
    with step("Encoding the texts", total=len(dataset.texts)) as advance:
        texts = encode_all(
            tokenizer, dataset.texts, int(space["max_tokens"].highest), on_texts=advance
        )
    logger.info(
        "Encoded: %d words in the vocabulary, %.0f tokens a text on average.",
        tokenizer.get_vocab_size(),
        texts.lengths.mean(),
    )
    return tokenizer, texts


def trial_inputs(
    config: SearchCommand, dataset: Dataset, tokenizer: Tokenizer, texts: EncodedTexts
) -> TrialInputs:
    """Gather what all trials share.

    Args:
        config: of the run.
        dataset: all texts.
        tokenizer: of the largest vocabulary.
        texts: encoded by it.

    Raises:
        UserError: when the network's builder or the file of word vectors cannot be had.
    """
    from ecomcat.model.builder import find_builder
    from ecomcat.tuning.workers.trial import TrialInputs

    return TrialInputs(
        build=find_builder(config.model.build),
        texts=texts,
        labels=dataset.labels,
        classes=len(dataset.classes),
        split=dataset.split,
        seed=config.seed,
        patience=config.search.patience,
        max_epochs=config.search.max_epochs,
        keep_state=config.search.algorithm == "hyperband",
        vectors=_load_vectors(config, tokenizer),
    )


def _load_vectors(config: SearchCommand, tokenizer: Tokenizer) -> NDArray[np.float32] | None:
    if config.model.pretrained_vectors is None:
        return None
    from ecomcat.text.vectors import load_vectors

    path = Path(config.model.pretrained_vectors).expanduser()
    return load_vectors(path, tokenizer.get_vocab())


def data_facts(
    dataset: Dataset, texts: EncodedTexts, space: Mapping[str, Domain]
) -> dict[str, Any]:
    """Return what the report says of the data, from the moment that the search begins.

    Args:
        dataset: all texts.
        texts: encoded to the longest limit.
        space: domain of each hyperparameter.
    """
    limit = int(space["max_tokens"].highest)
    return {
        "data": dataset.describe(),
        "lengths": describe_lengths(dataset.texts, texts.lengths, limit),
        "versions": package_versions(),
    }
