"""The answers to a request that cannot be followed, as OpenAPI declares them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

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
