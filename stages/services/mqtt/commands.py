"""What somebody at the broker wants to be switched on or off, and how the line is asked for it."""

import time
from collections.abc import Callable, Iterable

import msgspec

from pipeline.logger import logger
from pipeline.service import ControlError
from stages.services import line_control as line
from stages.services.mqtt.payloads import OFF, ON
from stages.services.mqtt.plan import CameraPlan
from stages.services.mqtt.topics import Topics

_ANSWER_S = 30.0  # for the line; a large configuration takes seconds
_PAUSE_S = 1.0  # between two changes of a camera: each may write the file
_SAY_S = 60.0  # between two complaints
_REFUSED, _CONFLICT, _BUSY = 400, 409, 503
_SHOWN = 100  # characters of what a stranger has sent

Ask = Callable[[bytes, float], bytes]


class Commands:
    """Of each switch the newest wish counts; those of a camera are asked for together.

    A command that the broker has kept is no command: it would be obeyed again at each connection.

    Args:
        ask: `ServiceContext.ask`.
    """

    def __init__(self, topics: Topics, plans: Iterable[CameraPlan], ask: Ask) -> None:
        self._ask = ask
        self._switches = {
            topics.of(plan.name).command(name): (plan.name, name)
            for plan in plans
            for name in plan.switches
        }
        self._wishes: dict[str, dict[str, bool]] = {}  # by camera and switch
        self._next_s: dict[str, float] = {}  # when each camera may change again
        self._say_s = 0.0

    def hear(self, topic: str, payload: bytes, *, is_retained: bool) -> None:
        """Take note of a command; what is none is said, and ignored."""
        known = self._switches.get(topic)
        if known is None:
            self._complain(f"no switch of this line: {topic[:_SHOWN]!r}")
        elif is_retained:
            self._complain(f"{topic}: a command that the broker has kept is not obeyed")
        elif payload not in (ON, OFF):
            self._complain(f"{topic}: expected ON or OFF, got {payload[:_SHOWN]!r}")
        else:
            camera, name = known
            self._wishes.setdefault(camera, {})[name] = payload == ON

    def turn(self, now_s: float) -> None:
        """Have the line do what is wished for, one camera at a time."""
        for camera in self._wishes:
            if now_s >= self._next_s.get(camera, 0.0):
                self._switch(camera, self._wishes.pop(camera))
                self._next_s[camera] = time.monotonic() + _PAUSE_S
                return

    def _switch(self, camera: str, wanted: dict[str, bool]) -> None:
        """The file is to say it, too: so it is still so after a new start of the line."""
        what = ", ".join(f"{name} {'on' if is_on else 'off'}" for name, is_on in wanted.items())
        try:
            answer = self._change(camera, wanted, "if possible")
            if answer.status == _CONFLICT:  # somebody is at work on the file
                answer = self._change(camera, wanted, "never")
        except ControlError as error:
            logger.error("mqtt: {}: {}: {}", camera, what, error)
            return
        if answer.status == _BUSY:  # a camera comes or goes just now
            self._wishes[camera] = wanted | self._wishes.get(camera, {})
        elif answer.status < _REFUSED:
            logger.info("mqtt: {}: {}", camera, what)
        else:
            refusal = msgspec.json.decode(answer.body, type=line.Refusal)
            logger.error("mqtt: {}: {}: {}", camera, what, refusal.detail)

    def _change(self, camera: str, wanted: dict[str, bool], saving: line.Saving) -> line.Answer:
        to = line.CameraSwitches(camera, msgspec.json.encode(wanted))
        question = line.Change(to=to, saving=saving)
        return msgspec.json.decode(self._ask(msgspec.json.encode(question), _ANSWER_S),
                                   type=line.Answer)  # fmt: skip

    def _complain(self, text: str) -> None:
        if time.monotonic() >= self._say_s:
            self._say_s = time.monotonic() + _SAY_S
            logger.warning("mqtt: {}", text)
