"""Another configuration for a line that runs: in force as a whole, or refused as a whole."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from pipeline.config_file import ConfigError
from pipeline.errors import LineError
from pipeline.topology import ProcessSpec
from stages.config import LineConfig
from stages.line.change import Change, ChangeKind
from stages.line.differences import Difference, find_differences, with_difference
from stages.line.line import Line
from stages.line.paths import expand_home

_NAMED = 8  # keys in a refusal; the others are counted
_START_AGAIN_COST = "the line has to be started again"
_START_AGAIN = "while the line runs: start it again"
CANNOT_CHANGE = f"cannot change {_START_AGAIN}"


class Plan(NamedTuple):
    """A configuration that is valid, and what it changes.

    `processes` are told what is hot; those of the line as it runs if something is not.
    """

    config: LineConfig
    processes: tuple[ProcessSpec, ...]
    changes: Sequence[Change]

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
        reconfigure: takes the processes with their new options; `Supervisor.reconfigure`.
    """

    def __init__(
        self,
        line: Line,
        config_path: Path | None,
        reconfigure: Callable[[Sequence[ProcessSpec]], None],
    ) -> None:
        self._line = line
        self._config_path = config_path
        self._reconfigure = reconfigure
        self._config = line.config
        self._processes = line.processes

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
        """Have the line work with this configuration, with no process started again.

        Call it where `Supervisor.reconfigure` may be called.

        Returns:
            What has changed; none if nothing has.

        Raises:
            LineError: the configuration is not valid, or a key differs that cannot change while
                the line runs, or there is no room in shared memory. Then nothing has changed.
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
        config = expand_home(config)
        self._check(config)
        differences = find_differences(self._config, config)
        if not differences:
            return Plan(config, self._processes, ())
        # The old one is planned again, too: what came or went meanwhile is no difference.
        running, wanted = (self._line.with_config(each) for each in (self._config, config))
        if _is_hot(running, wanted):
            processes = tuple(
                process.with_hot(new.options)
                for process, new in zip(self._processes, wanted.processes, strict=True)
            )
            return Plan(config, processes, [_change(each, hot=True) for each in differences])
        # Those that cannot change alone are to blame, or else all that differ.
        hot = [self._is_hot_alone(running, each) for each in differences]
        changes = [
            _change(each, hot=is_hot and not all(hot))
            for each, is_hot in zip(differences, hot, strict=True)
        ]
        return Plan(config, self._processes, changes)

    def bring_into_force(self, plan: Plan) -> None:
        """The second half of `apply`, of the plan that was prepared last.

        Raises:
            LineError: as `apply` does for a valid configuration.
        """
        if plan.blamed:
            raise ConfigError(plan.refusal)
        if plan.processes != self._processes:
            self._reconfigure(plan.processes)
        self._config, self._processes = plan.config, plan.processes

    def affected(self, plan: Plan) -> tuple[str, ...]:
        """Names of the processes that a plan gives other options."""
        pairs = zip(self._processes, plan.processes, strict=True)
        return tuple(new.name for now, new in pairs if new != now)

    def _check(self, config: LineConfig) -> None:
        """As a start would check it, with the model file that the line was started with."""
        is_same = config.model == self._config.model
        if is_same:  # `auto` has been decided
            config = msgspec.structs.replace(config, model=self._line.model_path)
        checked = Line(config, self._config_path, self._line.outputs)
        if is_same and checked.model != self._line.model:
            raise ConfigError(f"model: {checked.model_path} is another file now, which cannot be "
                              f"used {_START_AGAIN}")  # fmt: skip

    def _is_hot_alone(self, running: Line, difference: Difference) -> bool:
        try:
            config = with_difference(running.config, difference)
            return _is_hot(running, self._line.with_config(config))
        except (msgspec.ValidationError, LineError):
            return False


def _change(difference: Difference, *, hot: bool) -> Change:
    if hot:
        return Change(ChangeKind.HOT, difference.key, str(difference))
    return Change(ChangeKind.START_AGAIN, difference.key, str(difference), _START_AGAIN_COST)


def _is_hot(running: Line, wanted: Line) -> bool:
    """Whether nothing but hot options differs."""
    return _fixed(running) == _fixed(wanted) and all(
        process.with_hot(new.options) == new
        for process, new in zip(running.processes, wanted.processes, strict=True)
    )


def _fixed(line: Line) -> tuple[object, ...]:
    """What no process is told as an option."""
    config, names = line.config, [process.name for process in line.processes]
    return line.topology, names, config.camera_names, config.model, config.limits, config.log
