"""Which fault comes when: a pack of cards that is shuffled anew each round, from one seed."""

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from tests.faults.fault import (
    Abuse,
    CableOut,
    CameraOff,
    ClockStep,
    DiskFull,
    Fault,
    Hang,
    Kill,
    NarrowNetwork,
    Pause,
    SharedMemoryFull,
    SharedMemoryShort,
    SlowNetwork,
)
from tests.faults.line_under_fire import CAMERAS, KILLED, PROCESSES, RECORDERS, STAGES
from tests.integration import abusers

_CALM_S = 0.2, 1.0  # between two faults: at no particular instant of a frame


class Turn(NamedTuple):
    """A fault, and how long the line is left in peace before it."""

    calm_s: float
    fault: Fault


def rounds(seed: int) -> Iterator[list[Turn]]:
    """Packs of all faults without end, each process killed once in each; the same for a seed."""
    random = Random(seed)
    while True:
        yield _shuffle(random, [*map(Kill, KILLED), *_draw(random)])


def kills(seed: int, times: int) -> Iterator[list[Turn]]:
    """Packs of kills alone, in another order each time."""
    random = Random(seed)
    for _ in range(times):
        yield _shuffle(random, list(map(Kill, KILLED)))


def last_round(seed: int) -> list[Turn]:
    """What ends the recordings as it should: after it nothing can be said of them."""
    random = Random(seed)
    faults: list[Fault] = [DiskFull(), SharedMemoryFull(random.choice(STAGES))]
    faults += map(Kill, RECORDERS)  # whose successors are not to begin again behind a gap
    return [Turn(random.uniform(*_CALM_S), fault) for fault in faults]


def _draw(random: Random) -> list[Fault]:
    """One of each kind but kills, its force by chance."""
    return [
        Pause(random.choice(PROCESSES), round(random.uniform(0.3, 1.5), 2)),
        Hang(random.choice(PROCESSES)),
        CameraOff(round(random.uniform(0.2, 3.0), 2)),
        CableOut(round(random.uniform(0.2, 5.0), 2)),
        SlowNetwork(random.randrange(50, 400), round(random.uniform(1.0, 3.0), 2)),
        NarrowNetwork(random.randrange(20, 200), round(random.uniform(1.0, 3.0), 2)),
        ClockStep(random.choice([-86_400, -3600, 3600, 86_400])),
        SharedMemoryShort(f"capture.{random.choice(CAMERAS)}"),
        Abuse(random.choice(sorted(abusers.KINDS)), 2.0),
    ]


def _shuffle(random: Random, faults: list[Fault]) -> list[Turn]:
    random.shuffle(faults)
    return [Turn(random.uniform(*_CALM_S), fault) for fault in faults]
