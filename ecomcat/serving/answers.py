"""Read the JSON of a request: what is in it, within the limits, or a word on what is wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from fastapi import HTTPException
from pydantic import ValidationError
from starlette.requests import ClientDisconnect, Request

from ecomcat.config import ServeCommand
from ecomcat.export.explanation import WordWeight
from ecomcat.export.labelling import Predictor, label_texts, reason_of
from ecomcat.serving.schemas import ManyTexts, OneText, Prediction, Word
from ecomcat.text.tokenizer import valid_unicode

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MOST_THRESHOLDS = 256

Result = TypeVar("Result")


class Answers:
    """A classifier whose every call is made by one thread, first come, first served.

    Args:
        classifier: answers the texts; it may use several threads itself.
        min_precision: what `accept` stands for where a request does not say.

    Attributes:
        threshold: returns the least confidence whose answers are right so often; None if none is.
    """

    def __init__(self, classifier: Predictor, min_precision: float) -> None:
        self.labels = list(map(valid_unicode, classifier.labels))
        self.text_columns = classifier.text_columns
        self.min_precision = min_precision
        # Read off thousands of confidences, for each request anew but for this.
        self.threshold = lru_cache(_MOST_THRESHOLDS)(classifier.threshold)
        self._classifier = classifier
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="inference")

    async def predict(
        self, texts: Sequence[str], *, explain: bool, min_precision: float | None
    ) -> list[Prediction]:
        """Answer texts, in their order, without holding up other requests.

        Args:
            texts: texts that UTF-8 can express.
            explain: whether to weigh their words.
            min_precision: what `accept` stands for; None for the service's own.
        """
        wanted = self.min_precision if min_precision is None else min_precision
        return await self._run(lambda: self._predict(texts, explain, wanted))

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return each class's probability for each text, to a thread that can wait for its turn."""
        return self._thread.submit(self._classifier.probabilities, texts).result()

    def explain(self, texts: Sequence[str]) -> Sequence[Sequence[WordWeight]]:
        """Return the words of each text, strongest first, to a thread that can wait."""
        return self._thread.submit(self._classifier.explain, texts).result()

    def close(self) -> None:
        """Answer no more; what waits is given up."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

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


MEGABYTE = 10**6  # bytes


def require_media_type(request: Request, allowed: Collection[str]) -> None:
    """Refuse a body that is not said to be of an allowed media type.

    Raises:
        HTTPException: 415.
    """
    found = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if found not in allowed:
        first = next(iter(allowed))
        raise HTTPException(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"Expected a Content-Type of {', '.join(allowed)}, found "
            f"{'none' if not found else 'another'}. Add the header Content-Type: {first}.",
        )


async def read_body(request: Request, limits: ServeCommand) -> bytes:
    """Return the body of a request, however it is sent.

    Raises:
        HTTPException: 413 as soon as it is too large, 408 when it takes too long, 400 when the
            client leaves before its end.
    """
    most = limits.max_body_mb * MEGABYTE
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and len(announced) < 20 and int(announced) > most:
        raise too_large(limits)
    body = bytearray()
    try:
        async with asyncio.timeout(limits.max_upload_seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise too_large(limits)
    except TimeoutError as error:
        raise HTTPException(
            HTTPStatus.REQUEST_TIMEOUT,
            f"Expected the whole body within {limits.max_upload_seconds:g} seconds, found less.",
        ) from error
    except ClientDisconnect as error:
        raise HTTPException(
            HTTPStatus.BAD_REQUEST, "Expected a whole body, found its end too early."
        ) from error
    return bytes(body)


def too_large(limits: ServeCommand) -> HTTPException:
    """Return the answer to a body that is too large."""
    return HTTPException(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"Expected at most {limits.max_body_mb} MB (10^6 bytes), found more. Send it in parts, or "
        "use ecomcat.predict, which has no limit.",
    )


_SHOWN_CHARACTERS = 60  # of a name that the client chose
_NAMES = {"text", "texts", "explain", "min_precision"}
_KINDS = {bool: "true or false", str: "a text", list: "a list", dict: "an object"}


def parse_request(body: bytes, limits: ServeCommand) -> OneText | ManyTexts:
    """Return what a body of JSON asks for; lone surrogates in its texts become question marks.

    Raises:
        HTTPException: 400 when it is no JSON, 422 when it does not hold what is expected.
    """
    try:
        content = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise HTTPException(
            HTTPStatus.BAD_REQUEST, f"Expected a body of JSON, found something else: {error}."
        ) from error
    if not isinstance(content, dict):
        raise unprocessable(f"Expected an object with text or texts, found {_kind(content)}.")
    _refuse_many_problems(content, limits)
    try:
        request = (ManyTexts if "texts" in content else OneText).model_validate(_valid(content))
    except ValidationError as error:
        raise unprocessable(_first_problem(error)) from error
    _check_limits(request, limits)
    return request


def unprocessable(detail: str) -> HTTPException:
    """Return the answer to a request that is well formed but cannot be followed."""
    return HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, valid_unicode(detail))


def request_schema(limits: ServeCommand) -> dict[str, Any]:
    """Return the JSON schema of what `parse_request` takes."""
    text = {"type": "string", "maxLength": limits.max_text_characters}
    one, many = OneText.model_json_schema(), ManyTexts.model_json_schema()
    one["properties"]["text"] |= text
    many["properties"]["texts"] |= {"items": text, "maxItems": limits.max_batch}
    explained = deepcopy(many)
    explained["title"] = "ExplainedTexts"
    explained["properties"]["texts"]["maxItems"] = min(limits.max_batch, limits.max_explained)
    many["properties"]["explain"] |= {"const": False}
    return {"anyOf": [one, many, explained]}


def _refuse_many_problems(content: dict[str, Any], limits: ServeCommand) -> None:
    """Refuse at the first problem what may hold millions, each of which would cost memory."""
    for name in content:
        if name not in _NAMES:
            raise unprocessable(_superfluous(name[:_SHOWN_CHARACTERS]))
    texts = content.get("texts")
    if isinstance(texts, list):
        _check_number(len(texts), limits.max_batch)
        for index, text in enumerate(texts):
            if not isinstance(text, str):
                raise unprocessable(f"texts.{index}: expected a valid string, found {_kind(text)}.")


def _check_number(texts: int, most: int, where: str = "") -> None:
    if texts > most:
        raise unprocessable(
            f"texts: expected at most {most}{where}, found {texts}. Send them in parts."
        )


def _check_limits(request: OneText | ManyTexts, limits: ServeCommand) -> None:
    texts = [request.text] if isinstance(request, OneText) else request.texts
    if request.explain:
        _check_number(len(texts), limits.max_explained, " with explain")
    for index, text in enumerate(texts):
        if len(text) > limits.max_text_characters:
            where = "text" if isinstance(request, OneText) else f"texts.{index}"
            raise unprocessable(
                f"{where}: expected at most {limits.max_text_characters} characters, found "
                f"{len(text)}. Cut the text: the model reads only its beginning."
            )


def _valid(content: dict[str, Any]) -> dict[str, Any]:
    """Mend texts and names; what stands deeper is refused in any case."""
    return {valid_unicode(name): _valid_value(value) for name, value in content.items()}


def _valid_value(value: Any) -> Any:
    if isinstance(value, str):
        return valid_unicode(value)
    return list(map(_valid_text, value)) if isinstance(value, list) else value


def _valid_text(value: Any) -> Any:
    return valid_unicode(value) if isinstance(value, str) else value


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(str(part)[:_SHOWN_CHARACTERS] for part in first["loc"])
    if first["type"] == "missing":
        return "Expected an object with text or texts, found neither."
    if first["type"] == "extra_forbidden":
        return _superfluous(where)
    expected = first["msg"].replace("Input should be", "expected").replace("List should", "should")
    return f"{where}: {expected}, found {_kind(first['input'])}."


def _superfluous(name: str) -> str:
    return (
        f"Expected text or texts, explain and min_precision, found {name}. Leave it out, or "
        "write it right; text and texts exclude each other."
    )


def _kind(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "a number" if abs(value) > 1e9 else f"{value:g}"
    return _KINDS.get(type(value), "null")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
