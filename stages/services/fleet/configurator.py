"""Takes the configuration that was pushed for this board, and answers what became of it."""

import time
from collections.abc import Awaitable, Callable

import msgspec

from pipeline.logger import logger
from pipeline.service import ControlError
from stages.services import line_control as line
from stages.services.fleet.link import Link, Stored
from stages.services.fleet.messages import ConfigReport, Mistake, Origin
from stages.services.fleet.subjects import BUCKET, CONFIG, CONFIG_TOPIC, Subjects
from stages.services.outbox.outbox import Outbox

_ANSWER_S = 30.0  # for the line; a large configuration takes seconds
_AGAIN_S = 60.0  # what is in force may have been changed by others
_BUSY = 503  # status of an answer
_NOTE = "configuration"
_MOST_SHOWN = 50  # changes in a report

Ask = Callable[[bytes, float], Awaitable[bytes]]


class _Layer(msgspec.Struct, frozen=True):
    """What was pushed for the board, or for its whole site."""

    key: str
    revision: int
    text: bytes


class Configurator:
    """The layers in force outlive the process: a board that starts while it is cut off has them.

    Args:
        ask: the line.
    """

    def __init__(self, origin: Origin, outbox: Outbox, ask: Ask) -> None:
        self._origin, self._outbox, self._ask = origin, outbox, ask
        self._subjects = Subjects(origin.site, origin.board)
        self._kept = _decode(outbox.note(_NOTE))  # in force last
        self._seen = tuple[_Layer, ...]()  # found last: in force, or refused
        self._next_s = 0.0

    async def restore(self) -> None:
        """Bring into force what was in force before the line was started."""
        if self._kept:
            await self._bring(self._kept, quiet=True)

    async def look(self, link: Link) -> None:
        """Apply what is new. Raises LinkError."""
        layers = []
        for key in self._subjects.keys:
            found = await link.newest(CONFIG, f"$KV.{BUCKET}.{key}")
            if found is not None:
                layers.append(_layer(key, found))
        wanted = tuple(layers)
        is_new = wanted != self._seen
        if is_new or (wanted and time.monotonic() >= self._next_s):
            await self._bring(wanted, quiet=not is_new)

    async def _bring(self, layers: tuple[_Layer, ...], *, quiet: bool) -> None:
        """Have the line work with the layers on top of its file; `quiet` tells changes alone."""
        self._next_s = time.monotonic() + _AGAIN_S
        to = line.Layers(tuple(line.Layer(layer.key, layer.text) for layer in layers))
        try:
            planned = await self._change(to, "plan")
            same = isinstance(planned, line.Outcome) and not planned.changes
            outcome = planned if same else await self._change(to, "apply")
        except ControlError as error:  # nobody knows what has become of it
            logger.warning("fleet: configuration: {}", error)
            return
        self._seen = layers
        if isinstance(outcome, line.Outcome):
            self._keep(layers)
        if not (quiet and same):
            self._report(layers, outcome)

    async def _change(self, to: line.Layers, mode: line.Mode) -> line.Outcome | line.Refusal:
        question = line.Change(to=to, mode=mode, saving="never")
        answer = msgspec.json.decode(
            await self._ask(msgspec.json.encode(question), _ANSWER_S), type=line.Answer
        )
        if answer.status == _BUSY:
            raise ControlError("the line is busy with another change")
        if answer.status < 400:
            return msgspec.json.decode(answer.body, type=line.Outcome)
        return msgspec.json.decode(answer.body, type=line.Refusal)

    def _keep(self, layers: tuple[_Layer, ...]) -> None:
        if layers != self._kept:
            self._kept = layers
            self._outbox.keep_note(_NOTE, msgspec.json.encode(layers))

    def _report(self, layers: tuple[_Layer, ...], outcome: line.Outcome | line.Refusal) -> None:
        refused = isinstance(outcome, line.Refusal)
        now_ns = time.time_ns()
        report = ConfigReport(
            site=self._origin.site,
            board=self._origin.board,
            at_unix_ns=now_ns,
            revisions={layer.key: layer.revision for layer in layers},
            applied=not refused,
            detail=outcome.detail if isinstance(outcome, line.Refusal) else "",
            mistakes=tuple(
                Mistake(each.key, each.detail) for each in getattr(outcome, "errors", ())
            ),
            changes=tuple(each.text for each in getattr(outcome, "changes", ()))[:_MOST_SHOWN],
            absent=getattr(outcome, "absent", ()),
        )
        id = f"{self._origin.board}/{CONFIG_TOPIC}/{now_ns}"
        self._outbox.put_state(CONFIG_TOPIC, id, CONFIG_TOPIC, msgspec.json.encode(report))
        told = ", ".join(f"{layer.key} revision {layer.revision}" for layer in layers) or "nothing"
        if refused:
            logger.error("fleet: configuration not changed: {}: {}", told, report.detail)
        else:
            logger.info("fleet: configuration of {}: in force", told)


def _layer(key: str, found: Stored) -> _Layer:
    return _Layer(key, found.revision, found.value)


def _decode(note: bytes | None) -> tuple[_Layer, ...]:
    try:
        return msgspec.json.decode(note or b"[]", type=tuple[_Layer, ...])
    except msgspec.DecodeError:
        return ()
