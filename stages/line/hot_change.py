"""Another configuration for a line that runs: in force as a whole, or refused as a whole."""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from loguru import logger

from pipeline.config_file import ConfigError
from pipeline.errors import LineError
from pipeline.topology import ProcessSpec
from stages.config import LineConfig, expand_home
from stages.line.differences import Difference, find_differences, with_difference
from stages.line.line import Line

_NAMED = 8  # keys in a refusal; the others are counted
_START_AGAIN = "while the line runs: start it again"


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

    def apply(self, config: LineConfig) -> list[str]:
        """Have the line work with this configuration, with no process started again.

        Call it where `Supervisor.reconfigure` may be called.

        Returns:
            What has changed, one text for each key; none if nothing has.

        Raises:
            LineError: the configuration is not valid, or a key differs that cannot change while
                the line runs, or there is no room in shared memory. Then nothing has changed.
        """
        config = expand_home(config)
        self._check(config)
        differences = find_differences(self._config, config)
        if not differences:
            return []
        # The old one is planned again, too: what came or went meanwhile is no difference.
        running, wanted = (self._line.with_config(each) for each in (self._config, config))
        if not _is_hot(running, wanted):
            raise ConfigError(self._refuse(running, differences))
        processes = tuple(
            process.with_hot(new.options)
            for process, new in zip(self._processes, wanted.processes, strict=True)
        )
        if processes != self._processes:
            self._reconfigure(processes)
        self._config, self._processes = config, processes
        return [str(difference) for difference in differences]

    def reload(self, read: Callable[[], LineConfig]) -> None:
        """Apply what the file says now, and log what has changed, or in one line why nothing has.

        Args:
            read: gives the configuration, the file under what the command line says.
        """
        try:
            # A pipe was read at the start; another would be waited for.
            if self._config_path is not None and not self._config_path.is_file():
                raise ConfigError(
                    f"configuration {self._config_path}: expected a file to read again"
                )
            changes = self.apply(read()) or ["nothing has changed"]
        except (LineError, OSError) as error:
            logger.error("configuration not changed: {}", error)
            return
        for change in changes:
            logger.info("configuration: {}", change)

    def _check(self, config: LineConfig) -> None:
        """As a start would check it, with the model file that the line was started with."""
        is_same = config.model == self._config.model
        if is_same:  # `auto` has been decided
            config = msgspec.structs.replace(config, model=self._line.model_path)
        checked = Line(config, self._config_path, self._line.outputs)
        if is_same and checked.model != self._line.model:
            raise ConfigError(f"model: {checked.model_path} is another file now, which cannot be "
                              f"used {_START_AGAIN}")  # fmt: skip

    def _refuse(self, running: Line, differences: Sequence[Difference]) -> str:
        """Names the keys to blame: those that cannot change alone, or else all that differ."""
        blamed = [each for each in differences if not self._is_hot_alone(running, each)]
        keys = [difference.key for difference in blamed or differences]
        more = f" and {len(keys) - _NAMED} more keys" if len(keys) > _NAMED else ""
        return f"{', '.join(keys[:_NAMED])}{more} cannot change {_START_AGAIN}"

    def _is_hot_alone(self, running: Line, difference: Difference) -> bool:
        try:
            config = with_difference(running.config, difference)
            return _is_hot(running, self._line.with_config(config))
        except (msgspec.ValidationError, LineError):
            return False


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
