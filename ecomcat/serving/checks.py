"""Check the service's settings and packages before the model is opened."""

from __future__ import annotations

import importlib.util
import ipaddress
import math
from collections.abc import Iterator

from ecomcat.config import ServeCommand
from ecomcat.errors import UserError
from ecomcat.problems import at_least

_PACKAGES = ("fastapi", "uvicorn")
_AT_LEAST_ONE = (
    *("max_body_mb", "max_batch", "max_text_characters", "max_explained", "max_table_rows"),
    *("max_connections", "max_shutdown_seconds"),
)


def check_serving(config: ServeCommand) -> None:
    """Check everything that can be known before the model is opened.

    Raises:
        UserError: naming each value that is wrong, a line each, or the package that is missing.
    """
    problems = [*_number_problems(config), *_host_problems(config)]
    if problems:
        raise UserError("\n".join(problems))
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(
            f"Expected the packages {' and '.join(_PACKAGES)}, found no {' and no '.join(missing)}."
            ' Install them with: pip install "ecomcat[serve]"'
        )


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach an address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _number_problems(config: ServeCommand) -> Iterator[str]:
    if not 0 <= config.port <= 65535:
        yield f"port: expected 0 (any that is free) to 65535, found {config.port}."
    if not 0 < config.min_precision <= 1:
        yield f"min_precision: expected above 0 and at most 1, found {config.min_precision:g}."
    for name in _AT_LEAST_ONE:
        yield from at_least(name, getattr(config, name), 1)
    seconds = config.max_upload_seconds
    if not 0 < seconds < math.inf:
        yield f"max_upload_seconds: expected a number above 0, found {seconds:g}."


def _host_problems(config: ServeCommand) -> Iterator[str]:
    if not config.host.strip():
        yield "host: expected an address such as 127.0.0.1, found nothing."
    elif not is_loopback(config.host) and not config.allowed_hosts:
        yield (
            f"host={config.host}: expected allowed_hosts with an address that other machines "
            "reach, found none. Name the hosts that the service is called by, such as "
            "allowed_hosts=[models.example.com], so that no other web site can pose as it; "
            "allowed_hosts=['*'] allows every name."
        )
