"""How many cameras a board serves: from the times of its parts an estimate, then lines that run."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from stages.line.bench.line_speed import LineSpeed

MOST_CAMERAS = 64  # of a line
_ENOUGH = 0.95  # of the results that were asked for, of all cameras together
_ENOUGH_OF_EACH = 0.9  # and of each
_MS_PER_S = 1000.0


class Share(NamedTuple):
    """How the cores of a board are given to the network and to everything else."""

    detect: tuple[int, ...]  # cores, one for each replica
    others: tuple[int, ...]
    cameras: float  # what they would serve, if times were all


class Costs(NamedTuple):
    """Processor time, in milliseconds."""

    network: Mapping[int, float]  # of one inference, by core
    camera: Mapping[int, float]  # of a second of one camera without its network, by core


class Try(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line that was run."""

    cameras: int
    asked: float  # results a second, of all cameras
    got: float
    is_enough: bool
    speed: LineSpeed | None = None
    error: str = ""  # why there is no line with so many cameras


def judge(cameras: int, per_camera: float, speed: LineSpeed) -> Try:
    """Whether each camera had as many results a second as were asked for."""
    asked = cameras * per_camera
    rates = [results / speed.seconds for results in speed.results]
    is_enough = sum(rates) >= _ENOUGH * asked and min(rates) >= _ENOUGH_OF_EACH * per_camera
    return Try(cameras, asked, sum(rates), is_enough, speed)


def share_cores(cores: Sequence[int], costs: Costs, per_camera: float) -> Share:
    """As many replicas as serve the most cameras; of equally good numbers the smallest.

    Args:
        cores: of the board, the fastest first.
    """
    if len(cores) == 1:
        (core,) = cores
        busy_ms = per_camera * costs.network[core] + costs.camera[core]
        return Share((core,), (core,), _MS_PER_S / busy_ms)
    shares = []
    for replicas in range(1, len(cores)):
        detect = _pick_cores(cores, costs, replicas)
        others = tuple(core for core in cores if core not in detect)
        detected = sum(_MS_PER_S / (per_camera * costs.network[core]) for core in detect)
        served = sum(_MS_PER_S / costs.camera[core] for core in others)
        shares.append(Share(detect, others, min(detected, served)))
    return max(shares, key=lambda share: (share.cameras, -len(share.detect)))


def _pick_cores(cores: Sequence[int], costs: Costs, replicas: int) -> tuple[int, ...]:
    """The quickest for the network; of equal ones the last, as interrupts favour core 0."""
    by_speed = sorted(cores, key=lambda core: (costs.network[core], -core))
    return tuple(sorted(by_speed[:replicas]))


def search(guess: int, run: Callable[[int], Try], may_go_on: Callable[[], bool]) -> list[Try]:
    """Run lines until it is known how many cameras are enough and how many too many.

    Args:
        guess: the first number to try.
        run: runs a line with so many cameras.
        may_go_on: whether there is time for another line.

    Returns:
        What was tried, in the order of the number of cameras.
    """
    tried = dict[int, Try]()
    most, least_bad, step = 0, MOST_CAMERAS + 1, 1
    cameras = guess = min(max(guess, 1), MOST_CAMERAS)
    while cameras not in tried and may_go_on():
        tried[cameras] = found = run(cameras)
        if found.is_enough:
            most = max(most, cameras)
        else:
            least_bad = min(least_bad, cameras)
        if least_bad > MOST_CAMERAS:  # nothing was too much so far
            cameras, step = min(most + step, MOST_CAMERAS), 2 * step
        elif most == 0:
            cameras = max(least_bad * 3 // 4, 1)
        elif least_bad - most > 1:
            cameras = (most + least_bad) // 2
    return [tried[number] for number in sorted(tried)]
