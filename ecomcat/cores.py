"""How many cores this process may use."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path


def usable_cores() -> int:
    """Count the cores that this process may use, which a container may limit."""
    cores = os.cpu_count() or 1
    if sys.platform == "linux":
        cores = len(os.sched_getaffinity(0))
    return max(1, min(cores, _quota()))


def _quota(limit: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Return the cores that Linux's control groups allow in all; a large number without a limit.

    Args:
        limit: a file of microseconds a period, or `max`, and the period.
    """
    try:
        allowed, period = limit.read_text(encoding="ascii").split()
        return math.ceil(int(allowed) / int(period))
    except (OSError, ValueError):
        return sys.maxsize
