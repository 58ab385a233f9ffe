"""`python -m ecomcat.report`: write a study's report again."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path

from ecomcat.cli import run, show
from ecomcat.command_config import ReportCommand
from ecomcat.errors import UserError, name_five, nearest
from ecomcat.files import STANDARD_STREAM, expanded, require_output
from ecomcat.process import require_extra

logger = logging.getLogger("ecomcat")


def report(config: ReportCommand) -> None:
    """Write the report of a stored study, whose search may still be running."""
    require_extra("report", "plotly", "jinja2", needed_for="The report")
    require_output(config.output)
    root = expanded(config.outputs_dir) / "search"
    directory = root / _study_name(root, config.search.name)
    from ecomcat.reporting.study_report import report_page, write_report
    from ecomcat.tuning.study import Study

    if config.output == STANDARD_STREAM:
        show(report_page(Study(directory)))
        return
    output = expanded(config.output) if config.output else None
    path = write_report(Study(directory), output)
    logger.info("Report: %s (open it in a browser; it needs no other file).", path)


def _study_name(root: Path, name: str | None) -> str:
    """Return the name of the study: the only one, if none is named."""
    from ecomcat.tuning.study import is_study

    names = sorted(path.name for path in root.glob("*") if is_study(path))
    if name is None and len(names) == 1:
        return names[0]
    if name in names:
        return str(name)
    raise UserError(
        f"Expected search.name to name a study in {root}, found {name or 'no name'}. Studies "
        f"there: {name_five(names)}.{nearest(name or '', names)} Search first (python -m "
        "ecomcat.search), or name another place with outputs_dir=FOLDER."
    )


main = partial(run, "report", report)

if __name__ == "__main__":
    main()
