"""What this machine is called."""

import os
import platform
import re
from pathlib import Path

from stages.line.doctor.processor import read_text

_UNKNOWN = {"", "None", "Not Specified"}


def board_name(root: Path = Path("/")) -> str:
    """The board or the processor, its cores, its kind."""
    model = read_text(root / "proc/device-tree/model").rstrip("\0")
    if model in _UNKNOWN:
        found = re.search(r"^model name\s*:\s*(.+)$", read_text(root / "proc/cpuinfo"), re.M)
        model = found[1] if found else "unknown processor"
    count = len(os.sched_getaffinity(0))
    return f"{model}, {count} core{'s' if count > 1 else ''}, {platform.machine()}"
