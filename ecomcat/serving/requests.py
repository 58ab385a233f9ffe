"""Read requests within the limits, or answer what is wrong with them."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import zlib
from collections.abc import Collection
from copy import deepcopy
from email.message import Message
from http import HTTPStatus
from typing import Any, NoReturn

from fastapi import HTTPException
from pydantic import ValidationError
from starlette.requests import ClientDisconnect, Request

from ecomcat.commands import ServeCommand
from ecomcat.serving.schemas import ManyTexts, OneText
from ecomcat.text.tokenizer import valid_unicode

MEGABYTE = 10**6  # bytes
_MAX_SHOWN = 60  # characters of a name that the client chose
_NAMES = ("text", "texts", "explain", "min_precision")
_KINDS = {bool: "true or false", str: "a text", list: "a list", dict: "an object"}


def require_media_type(request: Request, allowed: Collection[str]) -> None:
    """Refuse a body whose Content-Type is none of those allowed.

    Raises:
        HTTPException: 415.
    """
    found = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if found not in allowed:
        first = next(iter(allowed))
        raise HTTPException(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"Expected a Content-Type of {', '.join(allowed)}, found "
            f"{'another' if found else 'none'}. Add the header Content-Type: {first}.",
        )


def charset_of(request: Request) -> str | None:
    """Return the charset that the Content-Type names."""
    header = Message()
    header["content-type"] = request.headers.get("content-type", "")
    return header.get_content_charset()


async def read_body(request: Request, limits: ServeCommand) -> bytes:
    """Return the body of a request, unpacked where its Content-Encoding is gzip.

    Raises:
        HTTPException: 413 as soon as it is too large, 408 when it takes too long, 400 when it is
            damaged or cut short, 415 for another encoding.
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
        raise _bad_request("Expected a whole body, found its end too early.") from error
    return _unpacked(bytes(body), request.headers.get("content-encoding", ""), limits)


def _unpacked(body: bytes, encoding: str, limits: ServeCommand) -> bytes:
    if encoding.strip().lower() in {"", "identity"}:
        return body
    if encoding.strip().lower() not in {"gzip", "x-gzip"}:
        raise HTTPException(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "Expected a Content-Encoding of gzip or none, found another.",
        )
    most = limits.max_body_mb * MEGABYTE
    try:
        plain = gzip.GzipFile(fileobj=io.BytesIO(body)).read(most + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise _bad_request("Expected a body packed with gzip, found a damaged one.") from error
    if len(plain) > most:
        raise too_large(limits)
    return plain


def _bad_request(detail: str) -> HTTPException:
    return HTTPException(HTTPStatus.BAD_REQUEST, detail)


def too_large(limits: ServeCommand) -> HTTPException:
    """Return the answer to a body that is too large."""
    return HTTPException(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"Expected at most {limits.max_body_mb} MB (10^6 bytes), found more. Send it in parts, or "
        "use ecomcat.predict, which has no limit.",
    )


def unprocessable(detail: str) -> HTTPException:
    """Return the answer to a request that is well formed but cannot be followed."""
    return HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, valid_unicode(detail))


def parse_request(body: bytes, limits: ServeCommand) -> OneText | ManyTexts:
    """Return what a body of JSON asks for; lone surrogates in its texts become question marks.

    Raises:
        HTTPException: 400 when it is no JSON, 422 when it does not hold what is expected.
    """
    try:
        content = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise _bad_request(f"Expected a body of JSON, found something else: {error}.") from error
    if not isinstance(content, dict):
        raise unprocessable(f"Expected an object with text or texts, found {_kind(content)}.")
    for name in content:  # of which there may be a million, each an error of its own
        if name not in _NAMES:
            raise unprocessable(_superfluous(name))
    texts = content.get("texts")
    if isinstance(texts, list):
        most = limits.max_explained if content.get("explain") is True else limits.max_batch
        if len(texts) > most:
            raise unprocessable(
                f"texts: expected at most {most}{' with explain' * (most < limits.max_batch)}, "
                f"found {len(texts)}. Send them in parts."
            )
        content["texts"] = list(map(_valid, texts))
    if "text" in content:
        content["text"] = _valid(content["text"])
    try:
        request = (ManyTexts if "texts" in content else OneText).model_validate(content)
    except ValidationError as error:
        raise unprocessable(_first_problem(error)) from error
    _refuse_long_texts(request, limits.max_text_characters)
    return request


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


def _refuse_long_texts(request: OneText | ManyTexts, most: int) -> None:
    one = isinstance(request, OneText)
    for index, text in enumerate([request.text] if isinstance(request, OneText) else request.texts):
        if len(text) > most:
            raise unprocessable(
                f"{'text' if one else f'texts.{index}'}: expected at most {most} characters, found "
                f"{len(text)}. Cut the text: the model reads only its beginning."
            )


def _valid(value: Any) -> Any:
    return valid_unicode(value) if isinstance(value, str) else value


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(map(str, first["loc"]))
    if first["type"] == "missing":
        return "Expected an object with text or texts, found neither."
    if first["type"] == "extra_forbidden":
        return _superfluous(where)
    expected = first["msg"].replace("Input should be", "expected").replace("List should", "should")
    return f"{where}: {expected}, found {_kind(first['input'])}."


def _superfluous(name: str) -> str:
    return (
        f"Expected text or texts, explain and min_precision, found {name[:_MAX_SHOWN]}. Leave it "
        "out, or write it right; text and texts exclude each other."
    )


def _kind(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "a number" if abs(value) > 1e9 else f"{value:g}"
    return _KINDS.get(type(value), "null")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
