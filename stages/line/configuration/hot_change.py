"""Another configuration for a line that runs: in force as a whole, or refused as a whole."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import UNSET

from pipeline.config_file import ConfigError
from pipeline.errors import LineError
from pipeline.processes.line_up import LineUp
from pipeline.topology import ProcessSpec
from stages.config import LineConfig
from stages.line.casting import Cast, captures
from stages.line.configuration.change import Change, ChangeKind
from stages.line.configuration.differences import Difference, find_differences, with_difference
from stages.line.configuration.paths import expand_home
from stages.line.configuration.references import resolve_references
from stages.line.line import Line
from stages.options import switched_on
from stages.recording.claims import Claims
from stages.recording.outputs import CAMERA, Output

_WHOLE_SOURCE = 2  # parts of the path of a source that comes or goes
_NAMED = 8  # keys in a refusal; the others are counted
_START_AGAIN = "while the line runs: start it again"
CANNOT_CHANGE = f"cannot change {_START_AGAIN}"
_COSTS = {
    ChangeKind.HOT: "",
    ChangeKind.CAMERA_ADDED: "the other cameras go on",
    ChangeKind.CAMERA_REMOVED: "its tracks end; the other cameras go on",
    ChangeKind.CAMERA_RESTARTED: "capture starts again, tracks end; the other cameras go on",
    ChangeKind.START_AGAIN: "the line has to be started again",
}


class Plan(NamedTuple):
    """A configuration that is valid, and what it changes; no line-up if it cannot be in force."""

    config: LineConfig
    line_up: LineUp | None
    outputs: tuple[Output, ...]
    changes: tuple[Change, ...]
    recorded_since: Mapping[str, int]  # CLOCK_MONOTONIC, by camera

    @property
    def blamed(self) -> list[str]:
        """The keys that cannot change while the line runs."""
        return [each.key for each in self.changes if each.kind is ChangeKind.START_AGAIN]

    @property
    def refusal(self) -> str:
        """Names the keys to blame."""
        keys = self.blamed
        more = f" and {len(keys) - _NAMED} more keys" if len(keys) > _NAMED else ""
        return f"{', '.join(keys[:_NAMED])}{more} {CANNOT_CHANGE}"


class HotChange:
    """Compares configurations with the one in force, and brings them into force.

    Args:
        line: as it was started.
        config_path: where its configuration was read, and must not be overwritten.
        reconfigure: brings a line-up into force; `Supervisor.reconfigure`.
        claims: the locks on the outputs of the run.
    """

    def __init__(
        self,
        line: Line,
        config_path: Path | None,
        reconfigure: Callable[[LineUp], None],
        claims: Claims | None = None,
    ) -> None:
        self._line = line
        self._config_path = config_path
        self._reconfigure = reconfigure
        self._claims = Claims(()) if claims is None else claims
        self._config = line.config
        self._cast = Cast.of_line(line)
        # Of this process, so nobody who is killed forgets it: packets outlive those who read them.
        self._recorded_since: Mapping[str, int] = {}

    @property
    def config(self) -> LineConfig:
        """That in force."""
        return self._config

    def plan(self, config: LineConfig) -> list[Change]:
        """What has to be done for this configuration to be in force; none if nothing differs.

        Nothing is done. `apply` refuses what needs `ChangeKind.START_AGAIN`.

        Raises:
            LineError: the configuration is not valid.
        """
        return list(self.prepare(config).changes)

    def apply(self, config: LineConfig) -> list[Change]:
        """Have the line work with this configuration, with no process started again but captures.

        Call it where `Supervisor.reconfigure` may be called.

        Returns:
            What has changed; none if nothing has.

        Raises:
            LineError: the configuration is not valid, or a key differs that cannot change while
                the line runs, or there is no room. Then nothing has changed.
        """
        plan = self.prepare(config)
        self.bring_into_force(plan)
        return list(plan.changes)

    def prepare(self, config: LineConfig) -> Plan:
        """The first half of `apply`, which takes long for large configurations.

        It changes nothing, and any thread may call it while no plan is brought into force.

        Raises:
            LineError: the configuration is not valid.
        """
        config = expand_home(resolve_references(config))
        self._check(config)
        differences = find_differences(self._config, config)
        # The old one is planned again, too: what came or went meanwhile is no difference.
        running = self._line.with_config(self._config, self._recorded_since)
        on_again = switched_on(self._config, config)
        since = {**self._recorded_since, **dict.fromkeys(on_again, time.monotonic_ns())}
        wanted = self._line.with_config(config, since)
        possible = _can_become(running, wanted)
        kinds = [self._kind(running, each, possible=possible) for each in differences]
        if not possible and ChangeKind.START_AGAIN not in kinds:
            kinds = [ChangeKind.START_AGAIN] * len(kinds)  # no single one is to blame
        changes = tuple(map(_describe, differences, kinds))
        line_up = self._cast.change(running, wanted) if possible else None
        return Plan(config, line_up, wanted.outputs, changes, since)

    def bring_into_force(self, plan: Plan) -> None:
        """The second half of `apply`, of the plan that was prepared last.

        Raises:
            LineError: as `apply` does for a valid configuration.
        """
        if plan.line_up is None:
            raise ConfigError(plan.refusal)
        line_up = plan.line_up
        cast = self._cast.after(line_up)
        if cast != self._cast:
            added = self._claims.add(plan.outputs)
            try:
                self._reconfigure(line_up)
            except LineError:
                self._claims.drop(added)
                raise
        self._config, self._cast = plan.config, cast
        self._recorded_since = plan.recorded_since

    def affected(self, plan: Plan) -> tuple[str, ...]:
        """Names of the processes that a plan starts, ends, or gives other options."""
        if plan.line_up is None:
            return ()
        before = {process.index: process for process in self._cast.running}
        after = {process.index: process for process in self._cast.after(plan.line_up).running}
        return tuple(
            (after.get(index) or before[index]).name
            for index in sorted(before.keys() | after.keys())
            if before.get(index) != after.get(index)
        )

    def _check(self, config: LineConfig) -> None:
        """As a start would check it, with the model file that the line was started with."""
        is_same = config.model == self._config.model
        if is_same:  # `auto` has been decided
            config = msgspec.structs.replace(config, model=self._line.model_path)
        checked = Line(config, self._config_path, self._claims.outputs)
        if is_same and checked.model != self._line.model:
            raise ConfigError(f"model: {checked.model_path} is another file now, which cannot be "
                              f"used {_START_AGAIN}")  # fmt: skip
        if config.web is not None:
            from stages.line.checks.web import check_listen, port_of

            if port_of(config.web) != port_of(self._config.web):
                check_listen(config.web.listen)  # the old port is in use, by this line
        video, names = config.record.video, {*self._cast.cameras, *config.camera_names}
        if video is not None and CAMERA not in video and len(names) > 1:
            # The second would write over what the first has recorded.
            raise ConfigError(
                f"record.video: expected {CAMERA} in the path, for a line whose cameras change, "
                f"got '{video}'"
            )

    def _kind(self, running: Line, difference: Difference, *, possible: bool) -> ChangeKind:
        """What the difference takes; where all of them are not `possible`, whether it is to blame.

        That shows when nothing else differs.
        """
        if difference.camera is not None and len(difference.path) == _WHOLE_SOURCE:
            is_new = difference.before is UNSET
            kind = ChangeKind.CAMERA_ADDED if is_new else ChangeKind.CAMERA_REMOVED
        else:
            kind = ChangeKind.HOT
        try:
            wanted = running.with_config(with_difference(running.config, difference))
        except (msgspec.ValidationError, LineError):
            return kind if possible else ChangeKind.START_AGAIN
        if not possible and not _can_become(running, wanted):
            return ChangeKind.START_AGAIN
        if kind is ChangeKind.HOT and captures(running) != captures(wanted):
            return ChangeKind.CAMERA_RESTARTED
        return kind


def _describe(difference: Difference, kind: ChangeKind) -> Change:
    text = str(difference)
    if kind in (ChangeKind.CAMERA_ADDED, ChangeKind.CAMERA_REMOVED):
        text = f"{difference.key}: {kind.value}: {difference.camera}"
    return Change(kind, difference.key, text, _COSTS[kind], difference.camera)


def _can_become(running: Line, wanted: Line) -> bool:
    """Whether nothing but cameras and hot options differs.

    Names, cores and indices depend on which cameras there are: the rest is compared for the same.
    """
    try:
        same = msgspec.structs.replace(running.config, sources=wanted.config.sources)
    except ValueError:  # these sources do not go with the rest of the configuration
        return False
    alike = running.with_config(same)
    old, new = (_stages_and_services(line) for line in (running, alike))
    return (
        _fixed(running) == _fixed(wanted)
        and captures(alike) == captures(wanted)
        and _with_hot(alike.processes, wanted.processes) == wanted.processes
        and old.keys() == new.keys()
        and all(process.with_hot(new[name].options).options == new[name].options
                for name, process in old.items())
    )  # fmt: skip


def _with_hot(
    processes: Sequence[ProcessSpec], wanted: Sequence[ProcessSpec]
) -> tuple[ProcessSpec, ...]:
    """These processes with the hot options of others, one by one."""
    if len(processes) != len(wanted):
        return ()
    return tuple(map(lambda process, new: process.with_hot(new.options), processes, wanted))


def _stages_and_services(line: Line) -> dict[str, ProcessSpec]:
    return {process.name: process for process in line.processes if not process.is_source}


def _fixed(line: Line) -> tuple[object, ...]:
    """What no process is told as an option."""
    config = line.config
    return line.topology, config.model, config.auto, config.limits, config.log
