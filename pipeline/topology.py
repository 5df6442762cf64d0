"""The shape of a line: the rows of its table, those that run, and their processes.

Rows hold functions of the configuration. Specs are what is left of them when it is known: plain
data, which every process is told at its start.
"""

import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple, Self

import msgspec

from pipeline.errors import LineError
from pipeline.limits import Limits


class LinkKind(enum.StrEnum):
    """How a stage is fed; see `pipeline.links.stream` and `pipeline.links.dispatch`."""

    STREAM = "stream"
    DISPATCH = "dispatch"


class StageSpec(msgspec.Struct, frozen=True):
    """A stage of a run.

    `target` is imported once for all processes, or with `preload=False` in the stage's own: for
    imports that start threads, which no fork has, or that are large and of use to no other. A stage
    that `reads` nothing is the source: it has one process for each camera. `ordered` puts the
    frames of a replicated stage upstream back into order. `depth` is how many frames of a live
    camera may wait for it. A stage that `hands_on_idle` frames without any work gets these even
    while it is busy. The messages of the stage with `results` are the line's results.
    """

    name: str
    target: str
    reads: str | None = None
    link: LinkKind = LinkKind.STREAM
    ordered: bool = False
    depth: int = 1
    hands_on_idle: bool = False
    heavy: bool = False
    preload: bool = True
    results: bool = False

    @property
    def module(self) -> str:
        return self.target.partition(":")[0]

    @property
    def is_source(self) -> bool:
        return self.reads is None


class ServiceSpec(msgspec.Struct, frozen=True):
    """A service of a run. It is not preloaded: frames do not wait for its start.

    One that `controls` may ask the supervisor (`pipeline.links.control`).
    """

    name: str
    target: str
    controls: bool = False


def always(_config: Any) -> bool:
    return True


def once(_config: Any) -> int:
    return 1


def no_options(_given: Any) -> Mapping[str, Any]:
    return {}


class StageRow(StageSpec, frozen=True, kw_only=True):
    """A row of the table: a stage, and what the configuration decides about it.

    `when` and `replicas` are functions of the configuration, without side effects. `options` makes
    the options of one process; its argument is the table's affair. `hot` names those options that
    may change while the line runs: the stage has `reconfigure`.
    """

    when: Callable[[Any], bool] = always
    replicas: Callable[[Any], int] = once
    options: Callable[[Any], Mapping[str, Any]] = no_options
    hot: tuple[str, ...] = ()

    def spec(self, reads: str | None, *, ordered: bool) -> StageSpec:
        """The plain part of the row, with the stage that it reads in this run."""
        plain = {name: getattr(self, name) for name in StageSpec.__struct_fields__}
        return StageSpec(**plain | {"reads": reads, "ordered": ordered})


class ServiceRow(ServiceSpec, frozen=True, kw_only=True):
    """A row of the table: a service, and what the configuration decides about it.

    `hot` names those options that may change while the line runs: the service is started again,
    unless its `reconfigure` takes them.
    """

    when: Callable[[Any], bool] = always
    options: Callable[[Any], Mapping[str, Any]] = no_options
    hot: tuple[str, ...] = ()

    def spec(self) -> ServiceSpec:
        return ServiceSpec(self.name, self.target, self.controls)


class Topology(msgspec.Struct, frozen=True, dict=True):
    """What runs: the stages in the order of the data, the source first, and the services.

    Columns of rings and ledger follow the order of the stages.
    """

    stages: tuple[StageSpec, ...]
    services: tuple[ServiceSpec, ...] = ()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of the stages."""
        return tuple(stage.name for stage in self.stages)

    def stage(self, name: str) -> StageSpec:
        return self.stages[self.names.index(name)]

    def service(self, name: str) -> ServiceSpec:
        return next(service for service in self.services if service.name == name)

    def readers(self, name: str) -> tuple[StageSpec, ...]:
        return tuple(stage for stage in self.stages if stage.reads == name)

    @cached_property
    def branches(self) -> tuple[tuple[int, ...], ...]:
        """Column indices on every path from the source to an end, the source left out."""
        return tuple(tuple(path) for path in self._paths(self.stages[0].name))

    @cached_property
    def preloaded(self) -> tuple[str, ...]:
        """Modules that processes are forked with."""
        return tuple(dict.fromkeys(stage.module for stage in self.stages if stage.preload))

    @cached_property
    def publisher(self) -> str | None:
        """The stage whose messages are the line's results, if there is one."""
        return next((stage.name for stage in self.stages if stage.results), None)

    @cached_property
    def ends(self) -> tuple[str, ...]:
        return tuple(stage.name for stage in self.stages if not self.readers(stage.name))

    def beside(self, name: str | None) -> frozenset[str]:
        """Stages that this one does not depend on, itself left out; none without a name."""
        if name is None:
            return frozenset()
        needed: set[str] = set()
        while name is not None:
            needed.add(name)
            name = self.stage(name).reads
        return frozenset(self.names) - needed

    def _paths(self, name: str) -> Iterator[list[int]]:
        for reader in self.readers(name):
            column = self.names.index(reader.name)
            if reader.name in self.ends:
                yield [column]
            for rest in self._paths(reader.name):
                yield [column, *rest]


class _Feed(NamedTuple):
    """What the readers of a row read in this run, and whether they have to restore the order."""

    stage: str | None
    unordered: bool = False


def make_topology(
    stages: Sequence[StageRow], services: Sequence[ServiceRow], config: Any
) -> Topology:
    """The rows that run with this configuration.

    The readers of a row that does not run read what it reads, and put the frames into order where
    it would have done so.

    Raises:
        LineError: two rows have one name, a row does not read one of those above it, or a source
            has hot options.
    """
    _check_rows(stages, services)
    feeds: dict[str | None, _Feed] = {None: _Feed(None)}  # by name of a row
    running: list[StageSpec] = []
    for row in stages:
        feed = feeds[row.reads]
        ordered = row.ordered or feed.unordered
        if row.when(config):
            running.append(row.spec(feed.stage, ordered=ordered))
            feeds[row.name] = _Feed(row.name)
        else:
            feeds[row.name] = _Feed(feed.stage, ordered)
    return Topology(tuple(running), tuple(row.spec() for row in services if row.when(config)))


def _check_rows(stages: Sequence[StageRow], services: Sequence[ServiceRow]) -> None:
    names = [*(row.name for row in stages), *(row.name for row in services)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise LineError(f"table: expected names that differ, got '{twice[0]}' twice")
    for above, row in enumerate(stages):
        expected: list[str | None] = [*names[:above]] or [None]
        if row.reads not in expected:
            raise LineError(
                f"table: {row.name}: reads: expected one of {expected}, got {row.reads!r}"
            )
        if row.is_source and row.hot:
            raise LineError(f"table: {row.name}: hot: expected none of a source, got {row.hot}")


class ProcessSpec(msgspec.Struct, frozen=True):
    """Everything one process is told at its start."""

    name: str  # unique in the run: "detect.1", "capture.street"
    stage: str  # or service
    index: int  # of its row in the ledger
    camera: int | None  # of a source's process
    core: int
    options: dict[str, Any]
    is_service: bool = False
    hot: tuple[str, ...] = ()  # names of the options that may change while it runs

    def with_hot(self, options: Mapping[str, Any]) -> Self:
        """This process with the hot ones among these options."""
        hot = {name: options[name] for name in self.hot}
        return msgspec.structs.replace(self, options=self.options | hot)

    @property
    def is_source(self) -> bool:
        return self.camera is not None


class RunSpec(msgspec.Struct, frozen=True):
    """What all processes of a run share.

    A camera keeps its number and its name for the whole run, and a process its index, also while
    the camera is removed: what is counted of them goes on when it comes back.
    """

    run_dir: str
    supervisor_pid: int
    topology: Topology
    cameras: tuple[str, ...]  # names, by number
    processes: tuple[ProcessSpec, ...]  # by index
    limits: Limits = Limits()
    revision: int = 0  # how often something of it has changed
    ending: tuple[int, ...] = ()  # cameras of which no more frames come
    gone: tuple[int, ...] = ()  # cameras of which nothing is known any more

    @property
    def present(self) -> tuple[int, ...]:
        """Numbers of the cameras that are not gone."""
        return tuple(camera for camera in range(len(self.cameras)) if camera not in self.gone)

    @property
    def present_processes(self) -> tuple[ProcessSpec, ...]:
        """All but those of cameras that are gone."""
        return tuple(process for process in self.processes if process.camera not in self.gone)

    @property
    def publisher(self) -> int | None:
        """Index of the process whose messages are the line's results, if there is one."""
        found = (p.index for p in self.processes if p.stage == self.topology.publisher)
        return next(found, None)
