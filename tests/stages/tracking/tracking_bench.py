"""The stage `track` in a line of three cameras, which can be killed and started again."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from pipeline.memory.frame_ref import Mark
from stages.kernels.detections import Detections, decode_detections, encode_detections
from stages.kernels.tracking.tracker import TrackerOptions
from stages.slot import DetectionBody
from stages.tracking.camera import CameraOptions
from stages.tracking.track import Track, TrackOptions
from tests.stages.stage_bench import StageBench

LABELS = ("person", "bicycle", "car")
TRACKED, UNTRACKED = (
    CameraOptions(is_tracked=is_tracked, labels=LABELS, tracker=TrackerOptions(score_thresh=0.4))
    for is_tracked in (True, False)
)
CAMERAS = ("yard", "gate", "folder")
STEP_NS = 200_000_000


def options_of(*cameras: CameraOptions) -> TrackOptions:
    """Of the cameras, one after the other."""
    return TrackOptions(dict(zip(CAMERAS, cameras, strict=True)))


OPTIONS = options_of(TRACKED, TRACKED, UNTRACKED)


def seen(x: float, score: float = 0.9) -> DetectionBody:
    """A box that may move by some pixels, and one of a low score elsewhere."""
    boxes = np.array([[x, 20, x + 30, 80], [90, 5, 110, 30]], np.float32)
    scores, class_ids = np.array([score, 0.2], np.float32), np.array([2, 0], np.int32)
    return DetectionBody(encode_detections(Detections(boxes, scores, class_ids)))


class Tracking(StageBench):
    """The stage, in a line of three cameras."""

    def __init__(self, run_dir: Path, options: TrackOptions = OPTIONS) -> None:
        super().__init__(run_dir, "track", cameras=CAMERAS)
        self._options = options
        self.restart()

    def restart(self) -> None:
        """Start the stage, as a successor of one that was killed if there was one."""
        self.stage = Track(self._options, self.context)
        self.start(self.stage)

    def reconfigure(self, *cameras: CameraOptions) -> None:
        """New options, also for successors."""
        self._options = options_of(*cameras)
        self.stage.reconfigure(self._options)

    def track(
        self, number: int, body: DetectionBody | None = None, **said: Any
    ) -> Detections | None:
        """The detections of `say`."""
        result = self.say(number, body, **said)
        return None if result is None else decode_detections(result.encoded)

    def say(
        self,
        number: int,
        body: DetectionBody | None = None,
        *,
        camera: int = 0,
        epoch: int = 1,
        failure: str = "",
        idle: bool = False,
        count: bool = True,
    ) -> DetectionBody | None:
        """What is said of a frame; the process may be killed before it is counted."""
        body = seen(10 + number) if body is None and not failure and not idle else body
        frame = self.make_frame(number, body, camera=camera, failure=failure)
        mark = Mark.IDLE if idle else frame.ref.mark
        frame.ref = msgspec.structs.replace(frame.ref, epoch=epoch, mark=mark)
        self.ring.times[frame.ref.slot, 0] = number * STEP_NS
        handle = self.handle if count else self._handler.handle
        result: DetectionBody | None = handle(frame).body
        return result

    def pass_on(self, stage: str, number: int, *, camera: int = 0) -> None:
        """A stage behind this one has finished a frame."""
        index = self.context.run.topology.names.index(stage)
        self.ledger.counters(camera, index).finish(number, failed=False)

    def ids(self, number: int, *, camera: int = 0, epoch: int = 1) -> list[int]:
        found = self.track(number, camera=camera, epoch=epoch)
        assert found is not None
        assert found.track_ids is not None
        return [int(i) for i in found.track_ids]
