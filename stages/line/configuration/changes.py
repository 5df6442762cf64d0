"""All that changes a line while it runs: SIGHUP and what services ask, one after the other."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from pipeline.links.control import ControlServer, Question
from pipeline.processes.line_up import LineUp
from pipeline.processes.side_thread import SideThread
from stages.line.configuration.config_source import ConfigReading, ConfigSource
from stages.line.configuration.hot_change import HotChange
from stages.line.configuration.in_force import ConfigInForce
from stages.line.configuration.keeper import ConfigKeeper
from stages.line.line import Line
from stages.recording.claims import Claims
from stages.services.line_control import Answer, Refusal

_MOST_WAITING = 8
_PATIENCE_S = 2.0  # at the end of the line, for a file that is being written
_BUSY = 503


class Changes:
    """Belongs to the supervisor's loop; what takes long is done beside it.

    Args:
        line: as it was started.
        source: where its configuration comes from.
        first: what that said at the start.
        run_dir: where services find the control socket.
        reconfigure: `Supervisor.reconfigure`.
        claims: the locks on the outputs of the run.
    """

    def __init__(
        self,
        line: Line,
        source: ConfigSource,
        first: ConfigReading,
        run_dir: Path,
        reconfigure: Callable[[LineUp], None],
        claims: Claims,
    ) -> None:
        self._side = SideThread()
        change = HotChange(line, source.path, reconfigure, claims)
        self._in_force = ConfigInForce(source, first, change, self._side.in_loop)
        self._keeper = ConfigKeeper(self._in_force)
        controls = any(service.controls for service in line.topology.services)
        self._server = ControlServer(run_dir) if controls else None

    @property
    def news(self) -> tuple[int, ...]:
        """Descriptors that are readable when there is something to do."""
        server = () if self._server is None else (self._server.fileno(),)
        return (self._side.fileno(), *server)

    def turn(self, *, reload: bool) -> None:
        """Do what is to be done in the loop, with `reload` also begin to read the file again."""
        if reload:
            self._side.begin(self._in_force.reload)
        for question in self._server.take() if self._server is not None else ():
            if self._side.left < _MOST_WAITING:
                self._side.begin(partial(self._answer, question))
            else:
                question.answer(_busy())
        self._side.turn()

    def close(self) -> None:
        self._side.close(_PATIENCE_S)
        if self._server is not None:
            self._server.close()

    def _answer(self, question: Question) -> None:
        answer = self._keeper.answer(question.body)
        self._side.in_loop(lambda: question.answer(answer))


def _busy() -> bytes:
    refusal = Refusal(f"{_MOST_WAITING} others are asking: try again")
    return msgspec.json.encode(Answer(_BUSY, msgspec.Raw(msgspec.json.encode(refusal))))
