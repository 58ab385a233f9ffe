"""Read the body of a request, of an expected kind and within the limits of size and time."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from http import HTTPStatus

from fastapi import HTTPException
from starlette.requests import ClientDisconnect, Request

from ecomcat.config import ServeCommand

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
