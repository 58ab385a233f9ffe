"""`python -m ecomcat.audit`: check the data before training."""

from __future__ import annotations

from functools import partial

from ecomcat.cli import run
from ecomcat.command_config import AuditCommand


def audit(config: AuditCommand) -> None:
    """Look for what makes figures dishonest or models bad, and write what was found.

    Raises:
        UserError: For whatever the user can fix.
    """
    # Imported late: `--help` and a wrong key need neither scikit-learn nor Plotly.
    from ecomcat.auditing.run import check_audit, run_audit

    check_audit(config)
    run_audit(config)


main = partial(run, "audit", audit)

if __name__ == "__main__":
    main()
