"""The shape of a line: rows of stages, each reading from one other; and what runs where."""

import enum
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import msgspec

from pipeline.errors import LineError
from pipeline.limits import Limits
from pipeline.realtime import available_cores


class LinkKind(enum.StrEnum):
    """How a stage is fed; see `pipeline.links.stream` and `pipeline.links.dispatch`."""

    STREAM = "stream"
    DISPATCH = "dispatch"


class StageRow(msgspec.Struct, frozen=True):
    """One line of the graph.

    `target` is imported once for all processes, or with `preload: False` in the stage's own: for
    imports that start threads, which no fork has. `ordered` puts the frames of a replicated stage
    upstream back into order. `depth` is how many frames of a live camera may wait for it. The
    messages of the stage with `results` are the line's results.
    """

    name: str
    target: str
    reads: str | None = None
    link: LinkKind = LinkKind.STREAM
    ordered: bool = False
    depth: int = 1
    heavy: bool = False
    preload: bool = True
    results: bool = False

    @property
    def module(self) -> str:
        return self.target.partition(":")[0]


class Topology(msgspec.Struct, frozen=True, dict=True):
    """The rows that run, the source first; columns of rings and ledger follow their order."""

    rows: tuple[StageRow, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(row.name for row in self.rows)

    def row(self, name: str) -> StageRow:
        return self.rows[self.names.index(name)]

    def readers(self, name: str) -> tuple[StageRow, ...]:
        return tuple(row for row in self.rows if row.reads == name)

    @cached_property
    def branches(self) -> tuple[tuple[int, ...], ...]:
        """Column indices on every path from the source to an end, the source left out."""
        return tuple(tuple(path) for path in self._paths(self.rows[0].name))

    @cached_property
    def preloaded(self) -> tuple[str, ...]:
        """Modules that processes are forked with."""
        return tuple(dict.fromkeys(row.module for row in self.rows if row.preload))

    @cached_property
    def publisher(self) -> str | None:
        """The stage whose messages are the line's results, if there is one."""
        return next((row.name for row in self.rows if row.results), None)

    @cached_property
    def ends(self) -> tuple[str, ...]:
        return tuple(row.name for row in self.rows if not self.readers(row.name))

    def beside(self, name: str | None) -> frozenset[str]:
        """Stages that this one does not depend on, itself left out; none without a name."""
        if name is None:
            return frozenset()
        needed: set[str] = set()
        while name is not None:
            needed.add(name)
            name = self.row(name).reads
        return frozenset(self.names) - needed

    def _paths(self, name: str) -> Iterator[list[int]]:
        for reader in self.readers(name):
            column = self.names.index(reader.name)
            if reader.name in self.ends:
                yield [column]
            for rest in self._paths(reader.name):
                yield [column, *rest]


class ProcessSpec(msgspec.Struct, frozen=True):
    """Everything one process is told at its start."""

    name: str  # unique in the run: "detect.1", "capture.street"
    stage: str
    index: int  # of its row in the ledger
    camera: int | None  # of a capture process
    core: int
    options: dict[str, Any]


class RunSpec(msgspec.Struct, frozen=True):
    """What all processes of a run share."""

    run_dir: str
    supervisor_pid: int
    topology: Topology
    cameras: tuple[str, ...]
    processes: tuple[ProcessSpec, ...]
    limits: Limits = Limits()

    @property
    def publisher(self) -> int | None:
        """Index of the process whose messages are the line's results, if there is one."""
        found = (p.index for p in self.processes if p.stage == self.topology.publisher)
        return next(found, None)


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


def _configured_core(wish: CoreWish, available: Sequence[int]) -> int:
    core = wish.wanted[wish.replica % len(wish.wanted)]
    if core not in available:
        raise LineError(
            f"cores: {wish.name}: expected one of the cores this process may use "
            f"({', '.join(map(str, available))}), got {core}"
        )
    return core
