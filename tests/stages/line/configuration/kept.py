"""A keeper of a configuration and its file; the line itself is left out."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from pipeline.processes.line_up import LineUp
from stages.line.configuration.config_source import CommandLine, ConfigSource
from stages.line.configuration.hot_change import HotChange
from stages.line.configuration.in_force import ConfigInForce
from stages.line.configuration.keeper import ConfigKeeper
from stages.line.line import Line
from stages.services import line_control as told

AREA = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]
WAY = {"from": [0.2, 0.5], "to": [0.8, 0.5]}
TEXT = """\
# The gate of the yard.
sources:
  - uri: scene://street   # drawn
    name: gate
    zones:
      yard: {polygon: [[0, 0], [1, 0], [1, 1]], labels: [person]}  # all of it
track:
  lost_s: 3  # patient
"""


class Reply(NamedTuple):
    status: int
    body: Any
    revision: str


class Kept:
    """A keeper and its file."""

    def __init__(
        self, path: Path, model: Path, text: str = TEXT, *, sources: Sequence[str] = (),
        settings: Sequence[str] = (), is_named: bool = True,
    ) -> None:  # fmt: skip
        self.path = path
        path.write_bytes(text.encode())
        command_line = CommandLine(tuple(sources), str(model), tuple(settings))
        source = ConfigSource(path, command_line, is_named=is_named)
        first = source.read()
        line = Line(first.config, path)
        self.told: list[LineUp] = []
        change = HotChange(line, path, self.told.append)
        self.in_force = ConfigInForce(source, first, change, _at_once)
        self._keeper = ConfigKeeper(self.in_force)

    @property
    def text(self) -> str:
        return self.path.read_bytes().decode()

    def ask(self, question: told.Question) -> Reply:
        given = msgspec.json.decode(
            self._keeper.answer(msgspec.json.encode(question)), type=told.Answer
        )
        return Reply(given.status, msgspec.json.decode(given.body), given.revision)

    def zones(self) -> Reply:
        return self.ask(told.ReadZones(camera="gate"))

    def put(self, sections: Mapping[str, Any], **options: Any) -> Reply:
        to = told.CameraZones("gate", msgspec.json.encode(sections))
        return self.ask(told.Change(to=to, **options))

    def patch(self, content: Any, **options: Any) -> Reply:
        to = told.Document(msgspec.json.encode(content), is_patch=True)
        return self.ask(told.Change(to=to, **options))

    def whole(self, content: Any, **options: Any) -> Reply:
        return self.ask(told.Change(to=told.Document(msgspec.json.encode(content)), **options))


def _at_once(step: Callable[[], None]) -> None:
    step()
