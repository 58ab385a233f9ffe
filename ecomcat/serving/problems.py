"""The answers to a request that cannot be followed, as OpenAPI declares them."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from starlette.types import Send

from ecomcat.serving.messages import Problem


def problems(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of some statuses."""
    return {status.value: {"model": Problem, "description": status.phrase} for status in statuses}


BODY_PROBLEMS = problems(
    HTTPStatus.FORBIDDEN,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)


async def send_problem(status: HTTPStatus, detail: str, send: Send) -> None:
    """Answer by a problem where there is no route that could, and end the connection."""
    body = json.dumps({"detail": detail}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        # What is left of the body is not read.
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status.value, "headers": headers})
    await send({"type": "http.response.body", "body": body})
