"""What is heavy is imported late: neither help nor a wrong key waits for it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ecomcat.config import COMMANDS
from tests.conftest import ROOT

LATE = ("tensorflow", "keras", "keras_tuner", "pandas", "sklearn")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(("argument", "code"), [("--help", 0), ("modeldir=x", 2)])
def test_neither_help_nor_a_wrong_key_waits_for_what_is_heavy(tmp_path, command, argument, code):
    program = (
        f"import sys; from ecomcat.{command} import main\n"
        f"sys.argv = ['ecomcat', {argument!r}]\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        f"    print('imported:', sorted(set(sys.modules) & set({LATE!r})))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert ended.returncode == code
    assert ended.stdout.splitlines()[-1] == "imported: []"
    assert list(tmp_path.iterdir()) == []
