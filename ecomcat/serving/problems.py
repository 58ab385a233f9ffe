"""Errors as clients read them: problem details for HTTP, RFC 9457."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field
from starlette.responses import JSONResponse

from ecomcat.text.tokenizer import valid_unicode

PROBLEM_JSON = "application/problem+json"
_MAX_SHOWN = 2000  # characters of a detail, which may contain names of columns


class Problem(BaseModel):
    """Why a request was refused."""

    title: str = Field(description="What the status means.")
    status: int = Field(description="The status.")
    detail: str = Field(description="What was expected, what was found, and what to do.")


def problem(
    status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Return the answer to a request that is refused, or failed.

    Args:
        status: The status, which gives the title.
        detail: String. What was expected, what was found, and what to do.
        headers: Dictionary of further headers.
    """
    shown = valid_unicode(detail[:_MAX_SHOWN])
    content = {"title": status.phrase, "status": status.value, "detail": shown}
    return JSONResponse(content, status, headers, media_type=PROBLEM_JSON)


def busy(detail: str) -> JSONResponse:
    """Return the answer to a request that may be repeated after a second."""
    # The rest of its body is not read.
    headers = {"retry-after": "1", "connection": "close"}
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers)


def problems(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """Return OpenAPI's description of some statuses."""
    content = {PROBLEM_JSON: {"schema": Problem.model_json_schema()}}
    return {each.value: {"description": each.phrase, "content": content} for each in statuses}
