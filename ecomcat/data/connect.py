"""Open a url within a bounded time, and tell a missing network from a wrong url."""

from __future__ import annotations

import http.client
import threading
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import Future

from ecomcat.errors import UserError


class NoNetworkError(Exception):
    """Report that the server cannot be reached, so that the caller may do without it."""


def check_url(url: str) -> None:
    """Refuse what is not an http or https address with a host.

    Args:
        url: the address as the user gave it.

    Raises:
        UserError: the url has another scheme or no host, or cannot be parsed.
    """
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError as error:
        raise _url_error(url, str(error)) from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _url_error(url, "it has another scheme or no host")


def open_url(
    request: urllib.request.Request, connect_seconds: float, stall_seconds: float
) -> http.client.HTTPResponse:
    """Send the request and return the response once its headers are there.

    Args:
        request: an http or https request.
        connect_seconds: limit of the time from looking up the name to the response headers.
        stall_seconds: limit of the server's silence, in the body and while connecting.

    Returns:
        The open response, its body unread; the caller closes it.

    Raises:
        NoNetworkError: the server cannot be reached, does not answer in time, or the proxy
            wants a password.
        UserError: the url cannot be requested.
        urllib.error.HTTPError: the server answers with an error status; the caller closes it.
    """
    answer: Future[http.client.HTTPResponse] = Future()

    def ask() -> None:
        # A fresh opener reads the proxy settings of now, not those of the first call.
        try:
            answer.set_result(urllib.request.build_opener().open(request, timeout=stall_seconds))
        except BaseException as error:
            answer.set_exception(error)

    # A name lookup cannot be interrupted: the thread is left behind when time is up.
    threading.Thread(target=ask, daemon=True).start()
    try:
        return answer.result(connect_seconds)
    except urllib.error.HTTPError as error:
        if error.code != http.HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            raise
        error.close()
        raise NoNetworkError(f"the proxy refuses {request.full_url}: {error}") from error
    except TimeoutError as error:
        answer.add_done_callback(_discard)
        limit = min(connect_seconds, stall_seconds)
        raise NoNetworkError(f"{request.host} did not answer within {limit:g} seconds") from error
    except (ValueError, http.client.InvalidURL) as error:
        raise _url_error(request.full_url, str(error)) from error
    except (OSError, http.client.HTTPException) as error:
        raise NoNetworkError(f"cannot reach {request.full_url}: {error}") from error


def _discard(answer: Future[http.client.HTTPResponse]) -> None:
    """Close a response that came after nobody waited for it any more."""
    error = answer.exception()
    if error is None:
        answer.result().close()
    elif isinstance(error, urllib.error.HTTPError):
        error.close()


def _url_error(url: str, reason: str) -> UserError:
    """Return the error for an address that cannot be requested."""
    return UserError(
        f"expected an address such as https://example.org/file.csv, found '{url}': {reason}. "
        "Correct the url, with special characters percent-encoded"
    )
