"""The hyperparameters of a network: the bounds of each, and its help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ecomcat.option_fields import Rule, option, searchable


@dataclass
class ModelConfig:
    """A network's builder and its hyperparameters, each fixed or searched."""

    name: str = option(help="the first part of a study's default name")
    build: str = option(help="dotted path of the function that builds the network")
    vocabulary_size: Any = searchable(Rule("int", 10, 10_000_000), "words, most frequent first")
    max_tokens: Any = searchable(Rule("int", 1, 100_000), "words read of a text")
    lstm_tokens: Any = searchable(Rule("int", 1, 100_000), "words of these that the LSTM reads")
    embedding_dim: Any = searchable(Rule("int", 1, 8192), "numbers per word")
    lstm_units: Any = searchable(Rule("int", 1, 8192), "per direction")
    lstm_layers: Any = searchable(Rule("int", 1, 8), "LSTM layers on top of each other")
    bidirectional: Any = searchable(Rule("bool"), "whether texts are read backwards, too")
    pooling: Any = searchable(
        Rule("name", names=("last", "max", "mean"), joined=True),
        "pooling of the LSTM's states: last, max, mean, or several joined by +",
    )
    embedding_pooling: Any = searchable(
        Rule("name", names=("max", "mean"), joined=True, none=True),
        "pooling of the words themselves: max, mean, max+mean or none",
    )
    letter_dim: Any = searchable(
        Rule("int", 0, 8192), "numbers per group of letters; 0: the network reads only words"
    )
    word_dropout: Any = searchable(
        Rule("float", 0.0, 0.9), "share of words hidden; less in short texts"
    )
    spatial_dropout: Any = searchable(Rule("float", 0.0, 0.95), "share of whole embedding channels")
    dropout: Any = searchable(Rule("float", 0.0, 0.95), "dropout before the last layer")
    learning_rate: Any = searchable(Rule("float", 1e-7, 1.0), "rate of Adam at the beginning")
    learning_rate_schedule: Any = searchable(
        Rule("name", names=("constant", "linear")), "constant, or linear: it falls to 0"
    )
    batch_size: Any = searchable(Rule("int", 1, 65_536, auto=True), "texts")
    label_smoothing: Any = searchable(
        Rule("float", 0.0, 0.9), "share of the target spread over all classes"
    )
    extra: dict[str, Any] = option({}, "what only your own builder knows")
