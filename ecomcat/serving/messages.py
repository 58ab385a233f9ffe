"""What the service is asked and answers, as OpenAPI shows it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Span = Annotated[list[int], Field(min_length=2, max_length=2)]
Precision = Annotated[float, Field(gt=0, le=1)]


class Problem(BaseModel):
    """Why a request was refused."""

    detail: str = Field(description="What was expected, what was found, and what to do.")


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    explain: bool = Field(False, description="Whether to say which words spoke for the answer.")
    min_precision: Precision | None = Field(
        None,
        description="The share of accepted answers that are to be right; without it, the "
        "service's own.",
    )


class OneText(_Options):
    """One text to be labelled."""

    text: str


class ManyTexts(_Options):
    """Several texts to be labelled."""

    texts: list[str] = Field(min_length=1)


class Word(BaseModel):
    """A word and what it spoke for the answer."""

    word: str
    weight: float = Field(
        description="How far the answer's probability falls when the word is left out."
    )
    spans: list[Span] = Field(
        description="Where it stands: first character and the one after the last, counted in "
        "Unicode code points from 0."
    )


class Prediction(BaseModel):
    """The answer to one text."""

    label: str | None = Field(description="The likeliest category; null for an unreadable text.")
    confidence: float | None = Field(description="Its probability.")
    accept: bool = Field(
        description="Whether answers of this confidence were right as often as min_precision "
        "asks, on texts that the model had not seen."
    )
    probabilities: dict[str, float] | None = Field(description="Of every category.")
    words: list[Word] = Field(
        default=[], description="Strongest first; only where explain was asked for."
    )
    reason: str = Field(default="", description="Why there is no label; only where there is none.")


class Predictions(BaseModel):
    """The answers to several texts, in their order."""

    predictions: list[Prediction]


class Health(BaseModel):
    """That the service answers."""

    status: str


class Acceptance(BaseModel):
    """What `accept` stands for where a request does not say."""

    min_precision: float
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


class Figures(BaseModel):
    """How well the model did on texts that no choice has seen; null where it is not known."""

    accuracy: float | None
    macro_f1: float | None
    coverage: dict[str, Any] | None = Field(
        description="By precision: the share of texts accepted, and of these the share right."
    )


class ModelDescription(BaseModel):
    """What is being served."""

    labels: list[str]
    accept: Acceptance
    test: Figures
    data_source: str | None
    versions: dict[str, str]
    limits: Limits
