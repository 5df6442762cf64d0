"""Which core each process gets."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pipeline.errors import LineError
from pipeline.realtime import available_cores


class CoreWish(NamedTuple):
    """A process that wants a core: the ones its configuration names, or any."""

    name: str
    heavy: bool
    wanted: Sequence[int]
    replica: int = 0


def assign_cores(
    wishes: Sequence[CoreWish], available: Sequence[int] | None = None
) -> Mapping[str, int]:
    """Give every process one core; heavy ones get a core of their own while there are enough.

    Raises:
        LineError: when a configured core does not exist or is not allowed to this process.
    """
    cores = tuple(available if available is not None else available_cores())
    assigned = {w.name: _configured_core(w, cores) for w in wishes if w.wanted}
    heavy = [w for w in wishes if w.heavy and not w.wanted]
    light = [w for w in wishes if not w.heavy and not w.wanted]
    own = cores[::-1][: max(len(cores) - 1, 1)]  # from the last: interrupts favour core 0
    assigned |= {w.name: own[i % len(own)] for i, w in enumerate(heavy)}
    rest = [core for core in cores if core not in assigned.values()] or list(cores)
    return assigned | {w.name: rest[i % len(rest)] for i, w in enumerate(light)}


def spare_core(taken: Sequence[int], heavy: Sequence[int], cores: Sequence[int]) -> int:
    """The core for one more light process of a line that runs.

    Args:
        taken: the core of each process that runs.
        heavy: the cores of those that are heavy.
        cores: those that the line may use.
    """
    rest = [core for core in cores if core not in heavy] or list(cores)
    return min(rest, key=lambda core: (list(taken).count(core), core))


def _configured_core(wish: CoreWish, available: Sequence[int]) -> int:
    core = wish.wanted[wish.replica % len(wish.wanted)]
    if core not in available:
        raise LineError(
            f"cores: {wish.name}: expected one of the cores this process may use "
            f"({', '.join(map(str, available))}), got {core}"
        )
    return core
