"""Answers what services ask of the configuration of their line, and changes it for them."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, assert_never

import msgspec

from pipeline.config_file import ConfigError, build
from pipeline.errors import LineChanging, LineError
from pipeline.logger import logger
from pipeline.redact import TooManySecrets, learn
from stages.config import LineConfig
from stages.line.configuration.config_source import what_to_learn
from stages.line.configuration.edits import (
    AlreadyThere,
    NotReadable,
    NotThere,
    edit_content,
    find_camera,
)
from stages.line.configuration.hot_change import CANNOT_CHANGE, Plan
from stages.line.configuration.in_force import ConfigInForce, NotSaved, Part
from stages.line.configuration.layers import apply_layers
from stages.line.configuration.masks import mask, to_content, unmask
from stages.line.configuration.mistakes import ORIGIN, find_mistake
from stages.line.configuration.references import refuse_new_references
from stages.services import line_control as told

T = TypeVar("T")

ANY = "*"  # instead of a revision
_MOST_SECRET = 1 << 17  # characters; a camera has some tens of them, or a token of a thousand
_ZONES, _SWITCHES = ("zones", "lines"), ("detect", "record")
_OK, _NOT_READABLE, _NOT_THERE, _CONFLICT, _STALE, _INVALID, _DEFECT, _BUSY = (
    200, 400, 404, 409, 412, 422, 500, 503,
)  # fmt: skip
_COST_OF_NOTHING = "nothing: it is in force already"
_COST_OF_CHANGE = "nothing: no frame is lost, and no stage is started again"
_COST_OF_START = (
    "a new start of the line: no camera gives results meanwhile, objects get new numbers, and "
    "counts begin at 0"
)


class _Refused(Exception):
    """Nothing has changed."""

    def __init__(self, status: int, detail: str, mistakes: Sequence[told.Mistake] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.body = told.Refusal(detail, tuple(mistakes))


class ConfigKeeper:
    """Everybody's access to the configuration in force: one question after the other."""

    def __init__(self, in_force: ConfigInForce) -> None:
        self._in_force = in_force

    def answer(self, question: bytes) -> bytes:
        """The answer to a question of `stages.services.line_control`."""
        try:
            asked = msgspec.json.decode(question, type=told.Question)
            answer = self._answer(asked)
        except _Refused as refused:
            answer = told.Answer(refused.status, _raw(refused.body))
        except Exception:  # noqa: BLE001 - a defect here must not end the line
            logger.exception("a question about the configuration")
            body = told.Refusal("the line has a defect; its log says more")
            answer = told.Answer(_DEFECT, _raw(body))
        return msgspec.json.encode(answer)

    def _answer(self, asked: told.Question) -> told.Answer:
        match asked:
            case told.ReadConfiguration():
                return self._read()
            case told.ReadZones():
                part = self._find(asked.camera, _ZONES)
                source = self._in_force.config.sources[part.camera]
                zones = told.ZonesOfCamera(source.zones, source.lines)
                return told.Answer(_OK, _raw(zones), self._in_force.revision(part))
            case told.ReadSwitches():
                part = self._find(asked.camera, _SWITCHES)
                source = self._in_force.config.sources[part.camera]
                switches = told.Switches(source.detect, source.record)
                return told.Answer(_OK, _raw(switches), self._in_force.revision(part))
            case told.Change():
                return self._change(asked)
            case _:
                assert_never(asked)

    def _read(self) -> told.Answer:
        source = self._in_force.source
        body = {
            "configuration": mask(to_content(self._in_force.config)),
            "file": mask(str(source.path)) if source.is_named else None,
            "overridden": source.command_line.keys,
        }
        return told.Answer(_OK, _raw(body), self._in_force.revision())

    def _change(self, asked: told.Change) -> told.Answer:
        part = self._part(asked.to)
        known = asked.revisions
        if known is not None and not {ANY, self._in_force.revision(part)}.intersection(known):
            raise _Refused(_STALE, "it has changed since it was read: read it again")
        wanted, absent = _or_refuse(lambda: self._want(asked.to))
        plan = _or_refuse(lambda: self._in_force.plan(wanted))
        if asked.mode == "check":
            return told.Answer(_OK, _raw(told.Checked()))
        outcome = told.Outcome(
            applied=False,
            possible=not plan.blamed,
            changes=_describe(plan),
            processes=self._in_force.affected(plan),
            cost=_cost(plan),
            absent=absent,
        )
        if asked.mode == "plan":
            return told.Answer(_OK, _raw(outcome))
        if plan.blamed:
            mistakes = [told.Mistake(key, CANNOT_CHANGE) for key in plan.blamed]
            raise _Refused(_CONFLICT, plan.refusal, mistakes)
        unsaved = _or_refuse(lambda: self._in_force.apply(plan, wanted, asked.saving))
        outcome = msgspec.structs.replace(
            outcome, applied=True, saved=not unsaved, unsaved=tuple(map(mask, unsaved))
        )
        return told.Answer(_OK, _raw(outcome), self._in_force.revision(part))

    def _part(self, to: told.Wanted) -> Part | None:
        """What is to change; None for all of it."""
        if isinstance(to, told.CameraSwitches):
            return self._find(to.camera, _SWITCHES)
        if isinstance(to, told.CameraZones | told.Region):
            return self._find(to.camera, _ZONES)
        return None

    def _find(self, camera: str, keys: tuple[str, ...]) -> Part:
        names = self._in_force.config.camera_names
        return Part(_or_refuse(lambda: find_camera(camera, names)), keys)

    def _want(self, to: told.Wanted) -> tuple[LineConfig, tuple[str, ...]]:
        """The configuration that is asked for; a line need not be able to run with it.

        Beside it, the cameras that were named and are not there.
        """
        absent = tuple[str, ...]()
        is_layered = isinstance(to, told.Layers)
        below = self._in_force.of_file if is_layered else self._in_force.config
        now = to_content(below)
        if isinstance(to, told.Layers):
            content, absent = apply_layers(to.layers, now, below.camera_names)
        else:
            content = edit_content(to, now, below.camera_names)
        try:
            learn(what_to_learn(content), _MOST_SECRET)
        except TooManySecrets as error:
            raise ConfigError(f"{ORIGIN}: {error}") from None
        wanted = build(unmask(content, now), LineConfig, ORIGIN)
        refuse_new_references(wanted, below)
        return wanted, absent


def _or_refuse(work: Callable[[], T]) -> T:
    """What the work gives; its errors as refusals that name the key."""
    try:
        return work()
    except LineError as error:
        status = next((status for kind, status in _STATUS if isinstance(error, kind)), _INVALID)
        mistake = find_mistake(error)
        detail = f"{mistake.key}: {mistake.detail}" if mistake.key else mistake.detail
        raise _Refused(status, detail, [mistake] if status == _INVALID else ()) from None


_STATUS = (
    (NotReadable, _NOT_READABLE), (NotThere, _NOT_THERE), (AlreadyThere, _CONFLICT),
    (NotSaved, _CONFLICT), (LineChanging, _BUSY),
)  # fmt: skip


def _describe(plan: Plan) -> tuple[told.KeyChange, ...]:
    return tuple(
        told.KeyChange(each.key, each.kind.value, mask(each.text), each.cost, each.camera)
        for each in plan.changes
    )


def _cost(plan: Plan) -> str:
    if not plan.changes:
        return _COST_OF_NOTHING
    if plan.blamed:
        return _COST_OF_START
    costs = (f"{each.camera}: {each.cost}" for each in plan.changes if each.cost)
    return "; ".join(dict.fromkeys(costs)) or _COST_OF_CHANGE


def _raw(body: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(body))
