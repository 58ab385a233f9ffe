"""Read the JSON of a request: what is in it, within the limits, or a word on what is wrong."""

from __future__ import annotations

import json
from copy import deepcopy
from http import HTTPStatus
from typing import Any, NoReturn

from fastapi import HTTPException
from pydantic import ValidationError

from ecomcat.config import ServeCommand
from ecomcat.serving.messages import ManyTexts, OneText
from ecomcat.text.tokenizer import valid_unicode

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
