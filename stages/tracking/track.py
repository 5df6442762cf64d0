"""Track: which object of a frame is which of the frames before, for each camera by itself."""

from collections.abc import Mapping
from typing import Any

import msgspec

from pipeline.memory.frame_ref import NO_FRAME
from pipeline.stage import Context, Frame, StatefulStage
from stages.events.ending import forget_ending, write_camera_ending, write_ending
from stages.kernels.detections import NO_DETECTIONS, encode_detections
from stages.slot import DetectionBody, Slot
from stages.tracking.camera import CameraOptions, TrackedCamera, UntrackedCamera

_NOTHING = encode_detections(NO_DETECTIONS)


class TrackOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of it may change while the line runs, but which cameras are tracked and the labels."""

    cameras: Mapping[str, CameraOptions]  # by name


class Track(StatefulStage[DetectionBody, DetectionBody]):
    """Gives ids to the detections in the frame's body, and keeps back those of low score.

    Tells of events, too. What it knows outlives the process, and each frame's result is in the
    frame's slot: a process that is killed leaves nothing that its successor would do otherwise.
    """

    Options = TrackOptions
    consumes = produces = DetectionBody

    def __init__(self, options: TrackOptions, context: Context) -> None:
        self._context, self._run_dir = context, context.run_dir
        self._options = options
        self._tracked: dict[int, TrackedCamera] = {}
        self._untracked: dict[int, UntrackedCamera] = {}
        for camera in context.run.present:
            self.add_camera(camera)
        forget_ending(self._run_dir)

    def reconfigure(self, options: TrackOptions) -> None:
        self._options = options
        for number in self._untracked:
            camera = self._options_of(number)
            self._untracked[number] = UntrackedCamera(camera)
            if number in self._tracked:
                self._tracked[number].reconfigure(camera)

    def add_camera(self, camera: int) -> None:
        options = self._options_of(camera)
        self._untracked[camera] = UntrackedCamera(options)
        if options.is_tracked:
            self._tracked[camera] = TrackedCamera(options, self._context, camera)

    def end_camera(self, camera: int) -> None:
        tracked = self._tracked.pop(camera, None)
        if tracked is not None:
            # First for those who tell of it: killed before it is forgotten, a successor does the
            # same again; killed after that, it has nothing to tell, and what is there stays.
            if waiting := tracked.leave():
                write_camera_ending(self._run_dir, camera, waiting)
            tracked.forget()

    def forget_camera(self, camera: int) -> None:
        self._untracked.pop(camera, None)

    def process(self, frame: Frame[DetectionBody]) -> DetectionBody:
        camera = self._tracked.get(frame.ref.camera)
        return self._pick(frame, frame.body) if camera is None else camera.track(frame)

    def pass_failed(self, frame: Frame[DetectionBody | None]) -> DetectionBody | None:
        """Nothing is known of the frame, and yet it carries the events that wait."""
        camera = self._tracked.get(frame.ref.camera)
        return camera.carry(_NOTHING) if camera is not None and camera.waits else None

    def pass_idle(self, frame: Frame[DetectionBody | None]) -> DetectionBody | None:
        """Nobody has looked at the frame: it carries the events that wait, and the counts."""
        camera = self._tracked.get(frame.ref.camera)
        return None if camera is None else camera.pass_idle(frame)

    def recall(self, frame: Frame[DetectionBody | None]) -> DetectionBody | None:
        """What a killed predecessor said of the frame.

        A capture process that was killed reads frames of a file again, into new slots. Of those no
        result is left, so they are published without ids.
        """
        camera = self._tracked.get(frame.ref.camera)
        if frame.body is None:
            has_news = camera is not None and (frame.ref.idle or camera.waits)
            return camera.carry(_NOTHING) if camera is not None and has_news else None
        if camera is None:
            return self._pick(frame, frame.body)
        found = Slot(frame).find_tracked(frame.ref.frame_id)
        return camera.carry(self._pick(frame, frame.body).encoded if found is None else found)

    def last_in_output(self, camera: int) -> int:
        found = self._tracked.get(camera)
        return NO_FRAME if found is None else found.last_frame_id

    def close(self) -> None:
        write_ending(
            self._run_dir,
            {number: camera.end() for number, camera in self._tracked.items()},
        )

    def _options_of(self, camera: int) -> CameraOptions:
        return self._options.cameras[self._context.cameras[camera]]

    def _pick(self, frame: Frame[Any], body: DetectionBody) -> DetectionBody:
        """What is published without tracks."""
        camera = self._untracked[frame.ref.camera]
        return DetectionBody(camera.pick(body.encoded, Slot(frame).frame_wh))
