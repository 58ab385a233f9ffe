"""What requests and answers hold, as OpenAPI declares it."""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, FailFast, Field

from ecomcat.command_config import ServeCommand
from ecomcat.serving.problems import problems
from ecomcat.serving.served_model import Model, promised
from ecomcat.text.tokenizer import valid_unicode

_unicode = BeforeValidator(lambda x: valid_unicode(x) if isinstance(x, str) else x)
Text = Annotated[str, _unicode]
Row = Text | dict[Text, Annotated[str | int | float | bool | None, _unicode]]
"""A text, or an object of the fields of a model that reads several."""
Precision = Annotated[float, Field(gt=0, le=1)]
# To JSON, 3.0 is a whole number, too.
Count = Annotated[
    int,
    Field(ge=1),
    BeforeValidator(lambda x: int(x) if isinstance(x, float) and x.is_integer() else x),
]


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    explain: bool = Field(False, description="Whether to say which words support the answer.")
    min_precision: Precision | None = Field(
        None, description="The share of accepted answers that are to be right."
    )
    top_k: Count | Literal["all"] = Field(
        5, description="How many of the likeliest categories are given with their probabilities."
    )


class OneText(_Options):
    """One text to be labelled."""

    text: Row


class ManyTexts(_Options):
    """Several texts to be labelled."""

    texts: Annotated[list[Row], FailFast()] = Field(min_length=1)


class Word(BaseModel):
    """A word and how much it supports the answer."""

    model_config = ConfigDict(from_attributes=True)

    word: str
    weight: float = Field(description="How far the answer's probability falls without it.")
    spans: list[tuple[int, int]] = Field(
        description="Where it is: first character and the one after the last, counted in "
        "Unicode code points from 0."
    )


class LevelAnswer(BaseModel):
    """A level of a category that is a path."""

    name: str
    confidence: float = Field(description="The probability of all categories below this node.")


class Prediction(BaseModel):
    """The answer to one text."""

    label: str | None = Field(description="The likeliest category; null for an unreadable text.")
    confidence: float | None = Field(description="Its probability.")
    accept: bool = Field(
        description="Whether answers of this confidence were right as often as min_precision "
        "asks, on texts that the model had not seen."
    )
    novel: bool = Field(
        description="Whether the text is unlike all of training, by its answer and its unknown "
        "words; its answer is never accepted."
    )
    probabilities: dict[str, float] | None = Field(
        description="As many of the likeliest categories as top_k says, the likeliest first."
    )
    levels: list[LevelAnswer] | None = Field(
        default=None, description="The levels of its path; only where categories are paths."
    )
    accepted_path: str | None = Field(
        default=None,
        description="The part of the path that is accepted: down to the deepest level whose "
        "answers are right as often as min_precision asks, with those of the deeper ones.",
    )
    accepted_level: int | None = Field(default=None, description="The number of its levels.")
    words: list[Word] = Field(default=[], description="Strongest first; only if explain is true.")
    text: str = Field(
        default="",
        description="The text that was read, in which the places of words are counted; only if "
        "explain is true and fields make it differ from the text that was sent.",
    )
    reason: str = Field(default="", description="Why there is no label; only where there is none.")


class Predictions(BaseModel):
    """The answers to several texts, in their order."""

    predictions: list[Prediction]


class Acceptance(BaseModel):
    """What `accept` means where a request does not say."""

    min_precision: float
    confidence_level: float = Field(description="How surely that precision is reached.")
    max_false_alarms: float = Field(
        description="The share of texts like those of training that may be called novel."
    )
    min_confidence: float | None = Field(
        description="The least confidence that is accepted; null where none is enough."
    )


class Limits(BaseModel):
    """The most that a request may hold."""

    max_body_mb: int = Field(description="10^6 bytes of a body, and of a table unpacked.")
    max_batch: int = Field(description="Texts of one request.")
    max_text_characters: int = Field(description="Characters of one text.")
    max_explained: int = Field(description="Texts of one request that asks for words.")
    max_table_rows: int = Field(description="Rows of a table.")


class Columns(BaseModel):
    """The names of the fields that the model reads."""

    texts: list[str]
    categories: list[str]
    numbers: list[str]


class Figures(BaseModel):
    """How good the model is on texts that no choice was made on; null where it is not known."""

    accuracy: float | None
    macro_f1: float | None
    coverage: dict[str, Any] | None = Field(
        description="By precision: the share of texts accepted, and of these the share right."
    )


class ModelDescription(BaseModel):
    """What is being served."""

    version: str = Field(description="The beginning of the SHA-256 of its manifest.")
    since: str = Field(description="When it was opened, in UTC.")
    labels: list[str]
    label_separator: str | None = Field(
        description="What separates the levels of labels that are paths."
    )
    fields: Columns
    accept: Acceptance
    test: Figures
    data_source: str | None
    versions: dict[str, str]
    limits: Limits


def describe_model(model: Model, config: ServeCommand) -> ModelDescription:
    """Describe what is served; what `metrics.json` lacks is null."""
    metrics, fields = model.metrics, model.classifier.fields
    test, source = metrics.get("test") or {}, metrics.get("data", {}).get("source")
    threshold = float(model.thresholds(promised(config)).min())
    return ModelDescription(
        version=model.version,
        since=model.since,
        labels=model.labels,
        label_separator=None if model.taxonomy is None else model.taxonomy.separator,
        fields=Columns(
            **{kind: list(map(str, getattr(fields, kind))) for kind in Columns.model_fields}
        ),
        accept=Acceptance(
            min_precision=config.min_precision,
            confidence_level=config.confidence_level,
            max_false_alarms=config.max_false_alarms,
            min_confidence=threshold if threshold < math.inf else None,
        ),
        test=Figures(**{name: test.get(name) for name in Figures.model_fields}),
        data_source=None if source is None else valid_unicode(source),
        versions=metrics.get("versions", {}),
        limits=Limits.model_validate(config, from_attributes=True),
    )


BODY_PROBLEMS = problems(
    HTTPStatus.FORBIDDEN,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
