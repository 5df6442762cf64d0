"""Where the configuration of a line comes from: its file, and what the command line says on top."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.config_file import ConfigError, build, parse_mapping, read_text, set_key
from pipeline.redact import learn
from stages.config import MOST_SOURCES, LineConfig
from stages.line.configuration.config_path import KeyPath
from stages.line.configuration.paths import resolve_beside


class CommandLine(NamedTuple):
    """What `run_pipeline.py` was told beside the file."""

    sources: tuple[str, ...] = ()  # --source
    model: str | None = None  # --model
    assignments: tuple[str, ...] = ()  # --set

    def apply(self, content: dict[str, Any]) -> None:
        """Put it on top of a file's content, in place. Raises ConfigError."""
        if self.sources:
            content["sources"] = [{"uri": uri} for uri in self.sources]
        if self.model:
            content["model"] = self.model
        for assignment in self.assignments:
            set_key(content, assignment)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys whose values in the file have no effect."""
        sources = ("sources",) if self.sources else ()
        model = ("model",) if self.model else ()
        assigned = (assignment.partition("=")[0].strip() for assignment in self.assignments)
        return tuple(dict.fromkeys((*sources, *model, *assigned)))

    def overrides(self, path: KeyPath) -> str | None:
        """The key by which it says something of this path, if it does."""
        for key in self.keys:
            parts = tuple(key.split("."))
            if path[: len(parts)] == parts or parts[: len(path)] == path:
                return key
        return None


NOTHING_SAID = CommandLine()


class ConfigReading(NamedTuple):
    """A configuration as it was read."""

    text: bytes  # of the file
    config: LineConfig  # with the command line on top


class ConfigSource:
    """A configuration file and a command line.

    Relative paths in the file are below its folder; those of the command line, below the current
    one.

    Args:
        path: of the file.
        command_line: stays on top of it for as long as the line runs.
        is_named: whether the user has named the file; the one that is used without any is nobody's
            to change.
    """

    def __init__(
        self, path: Path, command_line: CommandLine = NOTHING_SAID, *, is_named: bool = True
    ) -> None:
        self.path = path
        self.command_line = command_line
        self.is_named = is_named

    def read(self) -> ConfigReading:
        """Raises ConfigError."""
        return self.parse(read_text(self.path))

    def read_again(self) -> ConfigReading:
        """For a line that runs: a pipe was read at the start, and another would be waited for."""
        if not self.path.is_file():
            raise ConfigError(f"configuration {self.path}: expected a file to read again")
        return self.read()

    def parse(self, text: bytes) -> ConfigReading:
        """What the file would say with this content. Raises ConfigError."""
        content = self._parse_file(text)
        self.command_line.apply(content)
        learn(what_to_learn(content))
        try:
            return ConfigReading(text, build(content, LineConfig, str(self.path)))
        except ConfigError as error:
            if self._has_file_alone(text, error):
                raise
        return ConfigReading(text, build(content, LineConfig, f"command line on {self.path}"))

    def _parse_file(self, text: bytes) -> dict[str, Any]:
        content = parse_mapping(text, f"configuration {self.path}")
        beside: dict[str, Any] = resolve_beside(content, self._folder)
        return beside

    def _has_file_alone(self, text: bytes, mistake: ConfigError) -> bool:
        """Whether the file has the mistake without what the command line says."""
        try:
            build(self._parse_file(text), LineConfig, str(self.path))
        except ConfigError as error:
            return str(error) == str(mistake)
        return False

    @property
    def _folder(self) -> Path:
        """Below which its relative paths are; a pipe or standard input lies in no folder."""
        is_nowhere = self.path.is_relative_to("/dev") or self.path.is_relative_to("/proc")
        return Path() if is_nowhere else self.path.parent


def what_to_learn(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """What errors may quote: of more sources than there may be, the first ones only.

    To learn ten thousand addresses takes half a minute, and whoever sends a body could ask for it.
    """
    sources = content.get("sources")
    return {**content, "sources": sources[:MOST_SOURCES]} if isinstance(sources, list) else content
