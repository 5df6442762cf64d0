"""Track: which object of a frame is which of the frames before, for each camera by itself."""

import msgspec
import numpy as np

from pipeline.memory.frame_ref import NO_FRAME
from pipeline.stage import Context, Frame, StatefulStage
from stages.kernels.detections import Detections, decode_detections, encode_detections
from stages.kernels.tracking.tracker import Tracker, TrackerOptions
from stages.slot import DetectionBody, Slot
from stages.tracking.memory import Memory, TrackMemory

_NS_PER_S = 1_000_000_000


class TrackOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    cameras: tuple[bool, ...]  # whether the objects of each are tracked
    classes: int
    tracker: TrackerOptions


class Track(StatefulStage[DetectionBody, DetectionBody]):
    """Gives ids to the detections in the frame's body, and keeps back those of low score.

    What it knows outlives the process, and each frame's result is in the frame's slot: a process
    that is killed leaves nothing that its successor would do otherwise.
    """

    Options = TrackOptions
    consumes = produces = DetectionBody

    def __init__(self, options: TrackOptions, context: Context) -> None:
        self._score_thresh = np.float32(options.tracker.score_thresh)
        self._cameras = [
            _Camera(options, context, camera) if is_tracked else None
            for camera, is_tracked in enumerate(options.cameras)
        ]

    def process(self, frame: Frame[DetectionBody]) -> DetectionBody:
        camera = self._cameras[frame.ref.camera]
        return self._published(frame.body) if camera is None else camera.track(frame)

    def recall(self, frame: Frame[DetectionBody | None]) -> DetectionBody | None:
        """What a killed predecessor said of the frame.

        A capture process that was killed reads frames of a file again, into new slots. Of those no
        result is left, so they are published without ids.
        """
        if frame.body is None:
            return None
        if self._cameras[frame.ref.camera] is not None:
            encoded = Slot(frame).find_tracked(frame.ref.frame_id)
            if encoded is not None:
                return DetectionBody(encoded)
        return self._published(frame.body)

    def last_in_output(self, camera: int) -> int:
        found = self._cameras[camera]
        return NO_FRAME if found is None else found.last_frame_id

    def close(self) -> None:
        for camera in self._cameras:
            if camera is not None:
                camera.close()

    def _published(self, body: DetectionBody) -> DetectionBody:
        """The detections that are published without a track."""
        detections = decode_detections(body.encoded)
        rows = detections.scores > self._score_thresh
        if rows.all():
            return body
        kept = Detections(
            detections.boxes_xyxy[rows], detections.scores[rows], detections.class_ids[rows]
        )
        return DetectionBody(encode_detections(kept))


class _Camera:
    """The tracks of one camera, and the file that they are kept in."""

    def __init__(self, options: TrackOptions, context: Context, camera: int) -> None:
        self._tracker = Tracker(options.tracker, options.classes)
        self._memory = TrackMemory(context.run_dir, camera)
        self.last_frame_id, self._epoch, known = self._memory.found
        if known:
            self._tracker.from_bytes(known)

    def track(self, frame: Frame[DetectionBody]) -> DetectionBody:
        ref, slot = frame.ref, Slot(frame)
        if ref.epoch != self._epoch:  # the camera may look elsewhere now, and its clock began anew
            self._tracker.clear()
        found = self._tracker.update(
            decode_detections(frame.body.encoded), frame.pts_ns / _NS_PER_S, slot.frame_wh
        )
        encoded = encode_detections(found)
        # The slot first: a frame that the memory has seen is never tracked again.
        slot.write_tracked(ref.frame_id, encoded)
        self._memory.write(Memory(ref.frame_id, ref.epoch, self._tracker.to_bytes()))
        self.last_frame_id, self._epoch = ref.frame_id, ref.epoch
        return DetectionBody(encoded)

    def close(self) -> None:
        self._memory.close()
