"""Read requests within the limits, or answer with an error."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Sequence
from copy import deepcopy
from http import HTTPStatus
from typing import Any, TypeVar

from fastapi import HTTPException
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from ecomcat.command_config import ServeCommand
from ecomcat.serving.schemas import ManyTexts, OneText
from ecomcat.serving.turns import Job
from ecomcat.text.tokenizer import valid_unicode

Found = TypeVar("Found")

MEGABYTE = 10**6  # bytes
QUICKLY_READ_BYTES = 1 << 16
"""The size of a body up to which a request is a small one."""

_SHARE = "share"
_MAX_FIELDS = 100  # of a text
_MAX_SHOWN = 60  # characters of a name that the client chose
_KINDS = {bool: "true or false", str: "a text", list: "a list", dict: "an object"}


class Memory:
    """Bound the memory of all large bodies and answers together, until they are sent.

    Args:
        app: The application.
        max_bytes: Integer. The largest sum of their sizes.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self.left = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Give a request an empty share of the memory, and take it back at the end."""
        share = Share(self)
        scope.setdefault("state", {})[_SHARE] = share
        try:
            await self._app(scope, receive, send)
        finally:
            self.left += share.taken


class Share:
    """The memory that one request takes; a small one takes nothing."""

    def __init__(self, memory: Memory) -> None:
        self._memory, self.taken = memory, 0

    def grow(self, size: int) -> None:
        """Raise the share to this many bytes.

        Raises:
            HTTPException: 429 where there is no room for them.
        """
        more = size - self.taken
        if size <= QUICKLY_READ_BYTES or more <= 0:
            return
        if more > self._memory.left:
            raise HTTPException(
                HTTPStatus.TOO_MANY_REQUESTS,
                "Expected room for a large request, found that others take all of it. Ask again "
                "later, or send less at a time.",
                {"retry-after": "5"},
            )
        self._memory.left -= more
        self.taken = size


def share_of(request: Request) -> Share:
    """Return a request's share of the memory."""
    share: Share = request.scope["state"][_SHARE]
    return share


async def while_waited_for(request: Request, job: Job, work: Coroutine[Any, Any, Found]) -> Found:
    """Return the result of some work, unless it takes too long or the client leaves.

    Raises:
        HTTPException: 503 when it takes longer than `max_request_seconds`.
    """
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait(
            (working, leaving), timeout=job.seconds_left, return_when=asyncio.FIRST_COMPLETED
        )
        if working.done():
            return working.result()
    finally:
        working.cancel()
        leaving.cancel()
    if leaving.done():
        raise HTTPException(HTTPStatus.BAD_REQUEST)  # which nobody reads
    raise HTTPException(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Expected an answer within max_request_seconds, found more work than that. Ask for less at "
        "a time, or later.",
        {"retry-after": "5"},
    )


async def _left(request: Request) -> None:
    """Wait until the client has left."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def read_body(request: Request, limits: ServeCommand, allowed: Sequence[str]) -> bytes:
    """Return the body of a request, whose Content-Type must be one of those allowed.

    Raises:
        HTTPException: 413 as soon as it is too large, 408 when it takes too long, 400 when it is
            cut short, 415 for another type or a Content-Encoding, 429 when others take all memory.
    """
    _require_type(request, allowed)
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
                share_of(request).grow(len(body))
    except TimeoutError as error:
        raise HTTPException(
            HTTPStatus.REQUEST_TIMEOUT,
            f"Expected the whole body within {limits.max_upload_seconds:g} seconds, found less.",
        ) from error
    except ClientDisconnect as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST) from error  # which nobody reads
    return bytes(body)


def _require_type(request: Request, allowed: Sequence[str]) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in allowed or request.headers.get("content-encoding", "identity") != "identity":
        raise HTTPException(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"Expected a Content-Type of {', '.join(allowed)} without a Content-Encoding, found "
            f"another. Add the header Content-Type: {allowed[0]}.",
        )


def too_large(limits: ServeCommand) -> HTTPException:
    """Return the answer to a body that is too large."""
    return HTTPException(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"Expected at most {limits.max_body_mb} MB (10^6 bytes), found more. Send it in parts, or "
        "use ecomcat.predict, which has no limit.",
    )


def unprocessable(detail: str) -> HTTPException:
    """Return the answer to a request that is well formed but cannot be processed."""
    return HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, valid_unicode(detail))


def parse_request(body: bytes, limits: ServeCommand) -> OneText | ManyTexts:
    """Parse a JSON body; lone surrogates in its texts become question marks.

    Raises:
        HTTPException: 400 when it is not JSON, 422 when it does not have the expected content.
    """
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        detail = f"Expected a body of JSON, found something else: {error}."
        raise HTTPException(HTTPStatus.BAD_REQUEST, detail) from error
    if not isinstance(content, dict):
        raise unprocessable(f"Expected an object with text or texts, found {_kind(content)}.")
    model = ManyTexts if "texts" in content else OneText
    for name in content:  # there may be a million, each of which would be a separate error
        if name not in model.model_fields:
            raise unprocessable(
                "Expected text or texts, explain, min_precision and top_k, found "
                f"{name[:_MAX_SHOWN]}. Leave it out, or write it right; text and texts exclude "
                "each other."
            )
    texts = content.get("texts", [content.get("text")])
    if isinstance(texts, list):
        _refuse_large(texts, limits, explain=content.get("explain") is True)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise unprocessable(_first_problem(error)) from error


def _refuse_large(texts: list[Any], limits: ServeCommand, *, explain: bool) -> None:
    most = min(limits.max_batch, limits.max_explained) if explain else limits.max_batch
    if len(texts) > most:
        raise unprocessable(
            f"texts: expected at most {most}{' with explain' * explain}, found {len(texts)}. Send "
            "them in parts."
        )
    for index, text in enumerate(texts):
        fields = text if isinstance(text, dict) else {"text": text}
        characters = sum(len(value) for value in fields.values() if isinstance(value, str))
        if characters > limits.max_text_characters:
            raise unprocessable(
                f"Text {index}: expected at most {limits.max_text_characters} characters, found "
                f"{characters}. Cut the text: the model reads only its beginning."
            )
        if len(fields) > _MAX_FIELDS:
            raise unprocessable(
                f"Text {index}: expected at most {_MAX_FIELDS} fields, found {len(fields)}. Send "
                "those that the model reads."
            )
        for name, value in fields.items() if fields is text else ():
            if isinstance(value, list | dict):
                raise unprocessable(
                    f"Text {index}: expected texts and numbers in its fields, found "
                    f"{_kind(value)} in {name[:_MAX_SHOWN]!r}. Write it as a text."
                )


def request_schema(limits: ServeCommand) -> dict[str, Any]:
    """Return the JSON schema of the bodies that `parse_request` accepts."""
    text = {"type": "string", "maxLength": limits.max_text_characters}
    one, many = OneText.model_json_schema(), ManyTexts.model_json_schema()
    row = {"anyOf": [text, one["properties"]["text"]["anyOf"][1]]}
    one["properties"]["text"] = {"title": "Text", **row}
    many["properties"]["texts"] |= {"items": row, "maxItems": limits.max_batch}
    explained = deepcopy(many)
    explained["title"] = "ExplainedTexts"
    explained["properties"]["texts"]["maxItems"] = min(limits.max_batch, limits.max_explained)
    many["properties"]["explain"] |= {"const": False}
    return {"anyOf": [one, many, explained]}


def _first_problem(error: ValidationError) -> str:
    first, *others = error.errors(include_url=False, include_context=False)
    if first["type"] == "missing":
        return "Expected an object with text or texts, found neither."
    where = _place(first)
    same = dict.fromkeys(each["msg"] for each in (first, *others) if _place(each) == where)
    expected = " or ".join(same).replace(" or Input should be", " or")
    expected = expected.replace("Input should be", "expected").replace("List should", "should")
    expected = expected.replace("a valid dictionary", "an object of fields")
    return f"{where}: {expected}, found {_kind(first['input'])}."


def _place(error: ErrorDetails) -> str:
    name, *places = error["loc"]  # of a choice of types, pydantic adds the one that it tried
    return ".".join(str(part) for part in (name, *places) if part == name or type(part) is int)


def _kind(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "a number" if abs(value) > 1e9 else f"{value:g}"
    return _KINDS.get(type(value), "null")
