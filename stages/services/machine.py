"""What the kernel tells of processes and of the board: processor time, memory, heat, its name."""

import os
import re
import socket
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGESIZE")
_MIB = 1 << 20
_MOST_NAME = 64  # characters
_THROTTLED_NOW = 0b1111  # under-voltage, capped, throttled, soft limit; the rest is history
_STAT_UTIME, _STAT_STIME, _STAT_START = 11, 12, 19  # after the name, proc(5)


class ProcessUse(NamedTuple):
    """What a process has taken so far."""

    began: int  # tells processes apart that have the same number
    cpu_s: float
    memory_mib: float  # resident, without what is mapped for several: rings, libraries


class Temperature(msgspec.Struct, frozen=True):
    """One sensor of the machine."""

    name: str
    celsius: float


def read_use(pid: int) -> ProcessUse | None:
    """None for a process that is not there."""
    if not pid:
        return None
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        resident, shared = Path(f"/proc/{pid}/statm").read_text().split()[1:3]
    except OSError:
        return None
    ticks = int(stat[_STAT_UTIME]) + int(stat[_STAT_STIME])
    memory = (int(resident) - int(shared)) * _PAGE / _MIB
    return ProcessUse(int(stat[_STAT_START]), ticks / _TICKS_PER_S, memory)


def read_temperatures(sys: Path = Path("/sys")) -> tuple[Temperature, ...]:
    """Of each sensor that can be read; there are none in most virtual machines."""
    found = []
    for zone in sorted(sys.glob("class/thermal/thermal_zone*")):
        with suppress(OSError, ValueError):
            millidegrees = int((zone / "temp").read_text())
            found.append(Temperature((zone / "type").read_text().strip(), millidegrees / 1000))
    return tuple(found)


def read_throttled(sys: Path = Path("/sys")) -> bool | None:
    """Whether the board runs slower now because of heat or voltage; None where none can tell.

    A Raspberry Pi tells it in bits, of which the upper ones are about the past. Elsewhere a cooling
    device of the processor that is in use tells it.
    """
    for path in sys.glob("devices/platform/soc/*firmware/get_throttled"):
        with suppress(OSError, ValueError):
            return bool(int(path.read_text(), 16) & _THROTTLED_NOW)
    states = []
    for device in sorted(sys.glob("class/thermal/cooling_device*")):
        with suppress(OSError, ValueError):
            if _cools_processor((device / "type").read_text()):
                states.append(int((device / "cur_state").read_text()))
    return any(states) if states else None


def machine_name() -> str:
    """That of the machine, without what has a meaning in topics, subjects, ids or paths."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", socket.gethostname()).strip("-")
    return name[:_MOST_NAME] or "thunderline"


def _cools_processor(kind: str) -> bool:
    return kind.strip().lower().startswith(("processor", "cpufreq", "thermal-cpufreq"))
