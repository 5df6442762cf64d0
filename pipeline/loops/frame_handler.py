"""Gives frames to a stage: a failure stays with its frame, and no effect happens twice."""

from collections.abc import Callable, Sequence
from typing import Any, Generic

import msgspec

from pipeline.errors import FrameError
from pipeline.links.parcel import Parcel
from pipeline.logger import logger
from pipeline.memory.counters import FrameCounters
from pipeline.memory.frame_ref import NO_FRAME, Mark
from pipeline.memory.recent_frames import RecentFrames
from pipeline.redact import redact
from pipeline.stage import Frame, FrameIdle, In, Out, Stage, StatefulStage


class FrameHandler(Generic[In, Out]):
    """Calls the right method of a stage for each frame, and makes the parcel that travels on.

    Args:
        name: of the stage; it stands before the reason of a failure.
        column: of the stage.
        counters: the process's rows of the ledger, by camera. They survive the process, so they
            tell which frames a predecessor has finished.
        in_order: whether frames come in order. A stage that gets each frame once has them so.
    """

    def __init__(
        self,
        name: str,
        column: int,
        stage: Stage[In, Out],
        counters: Sequence[FrameCounters],
        *,
        in_order: bool = False,
    ) -> None:
        self._name, self._column = name, column
        self._stage, self._in_order = stage, in_order
        self._counters = counters
        self._stateful: StatefulStage[In, Out] | None = None
        if isinstance(stage, StatefulStage):
            self._stateful, self._in_order = stage, True
            self._in_output: dict[int, int] = {}  # frame_id by camera
            self._results = RecentFrames[Parcel[Out | None]]()

    def is_overtaken(self, frame: Frame[Any]) -> bool:
        """Whether it is too late for a frame: a later one is finished, and this one never was.

        That is one of a live camera that was lost with a killed process, or waited for in vain,
        and comes in the end.
        """
        if frame.ref.lossless or not self._in_order:
            return False
        camera, frame_id = frame.ref.camera, frame.ref.frame_id
        last_frame_id = self._counters[camera].last_frame_id
        in_output = NO_FRAME if self._stateful is None else self._last_in_output(camera)
        if frame_id > max(last_frame_id, in_output) or frame_id == in_output:
            return False
        return not frame.is_finished(self._column, last_frame_id)

    def handle(self, frame: Frame[Any]) -> Parcel[Out | None]:
        """The result of a frame that is not overtaken."""
        if self._stateful is None:
            return self._call(self._first_time(frame), frame)
        if not self._is_done(frame):
            result = self._call(self._first_time(frame), frame)
        elif (before := self._results.find(frame.ref)) is not None:
            return _again(frame, before)
        else:
            result = self._call(self._stateful.recall, frame)
        self._results.put(frame.ref, result)
        return result

    def forget(self, camera: int) -> None:
        """The camera is gone."""
        if self._stateful is not None:
            self._results.forget(camera)
            self._in_output.pop(camera, None)

    def _is_done(self, frame: Frame[Any]) -> bool:
        """Whether this process or a predecessor has finished the frame, or a later one."""
        camera, frame_id = frame.ref.camera, frame.ref.frame_id
        counted = frame_id <= self._counters[camera].last_frame_id
        return counted or frame_id <= self._last_in_output(camera)

    def _last_in_output(self, camera: int) -> int:
        """The newest frame of which a killed predecessor has left an effect."""
        if camera not in self._in_output:
            assert self._stateful is not None, "a stage without an effect was asked for it"
            self._in_output[camera] = self._stateful.last_in_output(camera)
        return self._in_output[camera]

    def _first_time(self, frame: Frame[Any]) -> Callable[[Frame[Any]], Out | None]:
        if frame.ref.failed:
            return self._stage.pass_failed
        return self._stage.pass_idle if frame.ref.idle else self._stage.process

    def _call(
        self, method: Callable[[Frame[Any]], Out | None], frame: Frame[Any]
    ) -> Parcel[Out | None]:
        try:
            return Parcel(frame.ref, method(frame), frame.failure)
        except FrameIdle:
            return Parcel(msgspec.structs.replace(frame.ref, mark=Mark.IDLE), None, frame.failure)
        except FrameError as error:
            logger.warning("{} frame {}: {}", frame.camera, frame.ref.frame_id, error)
            failed = msgspec.structs.replace(frame.ref, mark=Mark.FAILED)
            return Parcel(failed, None, redact(f"{self._name}: {error}"))


def _again(frame: Frame[Any], before: Parcel[Out | None]) -> Parcel[Out | None]:
    """The earlier result under the frame's present reference."""
    ref = msgspec.structs.replace(frame.ref, mark=before.ref.mark)
    return Parcel(ref, before.body, before.failure)
