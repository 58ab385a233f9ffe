"""Check the configuration of an audit before anything is read."""

from __future__ import annotations

from pathlib import Path

from ecomcat.config import AuditCommand
from ecomcat.data.checks import data_problems, path_problems, refuse_split_keys
from ecomcat.errors import UserError
from ecomcat.extras import require_extra
from ecomcat.files import require_writable
from ecomcat.problems import at_least, seed_problems

_PACKAGES = ("sklearn", "datasketch", "py3langid", "plotly", "jinja2")


def check_audit(config: AuditCommand) -> None:
    """Check everything of an audit that can be known before the data is read.

    Raises:
        UserError: naming each value that is wrong, a line each; or the packages that are missing.
    """
    require_extra("audit", *_PACKAGES, needed_for="An audit")
    refuse_split_keys(config.data, "audit", compares=True)
    problems = [
        *data_problems(config.data),
        *(path_problems("against", config.against) if config.against else ()),
        *at_least("suspicious_rows", config.suspicious_rows, 1),
        *at_least("splits", config.splits, 1),
        *seed_problems(config.seed),
    ]
    if not config.output_dir.strip():
        problems.append("output_dir: expected a folder, found nothing.")
    if problems:
        raise UserError("\n".join(problems))
    require_writable(Path(config.output_dir).expanduser() / "data", "output_dir")
