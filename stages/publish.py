"""Publish: one message per frame for the world, and what each camera is doing."""

import socket
from collections.abc import Iterable

import msgspec

from pipeline.client import (
    WIRE_VERSION,
    Detection,
    DetectionMessage,
    FrameStatus,
    ModelInfo,
    StatusMessage,
)
from pipeline.links.authenticator import server_keys
from pipeline.links.broadcast import Broadcast
from pipeline.links.sockets import messages_address
from pipeline.memory.cameras import CameraState
from pipeline.memory.event_log import EventLogWriter
from pipeline.memory.frame_ref import NO_FRAME, Mark
from pipeline.memory.run_dir import run_name
from pipeline.realtime import monotonic_ns
from pipeline.stage import Context, Frame, StatefulStage
from stages.events.ending import read_camera_ending, read_ending
from stages.events.message import EventComposer
from stages.events.outbox import decode_waiting
from stages.kernels.detections import decode_detections
from stages.slot import DetectionBody, PublishedBody, Slot

_KINDS = ("det", "status", "event")
_NS_PER_MS = 1_000_000


class PublishOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    endpoint: str
    labels: tuple[str, ...]
    model: ModelInfo
    tracks: bool = False  # whether there are events
    secret_key: str | None = None
    clients: str | None = None


class Publish(StatefulStage[DetectionBody, PublishedBody]):
    """Completes each frame's message with sequence number, age and drops, and sends it.

    The events of the frame follow, a message each. Reads the detections and events in the frame's
    body, and the frame's size. A frame that comes again gives the recorder the same messages, and
    is not sent again.
    """

    Options = PublishOptions
    consumes, produces = DetectionBody, PublishedBody

    def __init__(self, options: PublishOptions, context: Context) -> None:
        self._options = options
        self._stage = context.process.stage
        self._cameras = context.cameras
        self._ledger = context.ledger
        self._written = context.ledger.publish_writer()
        self._counters = context.counters
        self._host, self._run = socket.gethostname(), run_name(context.run_dir)
        topics = [topic for camera in context.run.present for topic in self._topics(camera)]
        keys = server_keys(options.secret_key, options.clients)
        services = context.run.topology.services
        private = messages_address(context.run_dir) if services else None
        self._broadcast = Broadcast(options.endpoint, topics, keys, private)
        self._encoder = msgspec.msgpack.Encoder()
        self._run_dir = context.run_dir
        self._log = EventLogWriter(context.run_dir) if services else None
        self._events = EventComposer(context.run_dir, self._cameras, options.labels)
        self._statuses: dict[int, tuple[CameraState, int, str]] = {}  # that were told of

    def process(self, frame: Frame[DetectionBody]) -> PublishedBody:
        return self._send(frame)

    def pass_failed(self, frame: Frame[DetectionBody | None]) -> PublishedBody:
        return self._send(frame)

    def pass_idle(self, frame: Frame[DetectionBody | None]) -> PublishedBody:
        return self.pass_failed(frame)

    def recall(self, frame: Frame[DetectionBody | None]) -> PublishedBody:
        """The messages that a killed predecessor sent, with the age of now.

        They tell of no drops: those that they told of are not known any more.
        """
        seq = Slot(frame).find_seq(frame.ref.frame_id)
        if seq is None:  # a file that is read again, into a new ring; none of its frames is dropped
            counters = self._counters[frame.ref.camera]
            seq = counters.frames - (counters.last_frame_id - frame.ref.frame_id + 1)
        detections = self._detections(frame.body)
        message = self._compose(frame, detections, seq, {}, monotonic_ns())
        events = b"" if frame.body is None else frame.body.events
        return PublishedBody(
            self._encoder.encode(message), self._encode_events(frame.ref.camera, events)
        )

    def idle(self) -> None:
        self._broadcast.welcome()
        for camera in self._cameras.run.present:
            self._tell_status(camera)

    def reconfigure(self, options: PublishOptions) -> None:
        self._options = options

    def add_camera(self, camera: int) -> None:
        self._broadcast.add_topics(self._topics(camera))

    def forget_camera(self, camera: int) -> None:
        """Its last events and its last state are told; nothing of it is repeated any more."""
        self._broadcast.add_topics(self._topics(camera))  # of a successor, which knows none of it
        waiting = read_camera_ending(self._run_dir, camera)
        self._tell(camera, self._encode_events(camera, waiting, self._last_frame_id(camera)))
        self._tell_status(camera)
        self._statuses.pop(camera, None)
        self._broadcast.forget(self._topics(camera))

    def close(self) -> None:
        self.idle()
        if self._options.tracks:
            for camera, waiting in read_ending(self._run_dir).items():
                after = self._last_frame_id(camera)
                self._tell(camera, self._encode_events(camera, waiting, after))
        self._broadcast.close()
        if self._log is not None:
            self._log.close()

    def _topics(self, camera: int) -> list[str]:
        return [f"{kind}.{self._cameras[camera]}" for kind in _KINDS]

    def _last_frame_id(self, camera: int) -> int:
        return self._counters[camera].last_frame_id

    def _tell_status(self, camera: int) -> None:
        status, name = self._ledger.camera(camera).status, self._cameras[camera]
        if status != self._statuses.get(camera):
            self._statuses[camera] = status
            state, since_unix_ns, why = status
            message = StatusMessage(WIRE_VERSION, self._host, name, state.label, since_unix_ns, why)
            self._broadcast.send(f"status.{name}", self._encoder.encode(message))

    def _send(self, frame: Frame[DetectionBody | None]) -> PublishedBody:
        body, detections = frame.body, self._detections(frame.body)
        camera, now_ns = frame.ref.camera, monotonic_ns()
        drops = self._written.take_new_drops(camera)
        seq = self._counters[camera].frames
        Slot(frame).write_seq(frame.ref.frame_id, seq)
        message = self._compose(frame, detections, seq, drops, now_ns)
        self._written.count_age(camera, (now_ns - frame.ref.captured_ns) / _NS_PER_MS)
        payload = self._encoder.encode(message)
        self._broadcast.send(f"det.{frame.camera}", payload)
        if body is None or not body.events:
            return PublishedBody(payload)
        unsent = len(decode_waiting(body.events, self._counters[camera].last_frame_id))
        events = self._encode_events(camera, body.events)
        self._tell(camera, events[len(events) - unsent :])
        return PublishedBody(payload, events)

    def _tell(self, camera: int, events: Iterable[bytes]) -> None:
        """Send events; of those who subscribe later only services get them, from the log."""
        for event in events:
            if self._log is not None:
                self._log.append(event)
            self._broadcast.send(f"event.{self._cameras[camera]}", event, keep=False)

    def _encode_events(
        self, camera: int, waiting: bytes, after: int = NO_FRAME
    ) -> tuple[bytes, ...]:
        """Messages of the events that wait; those that were sent may not be recorded yet."""
        return tuple(
            self._encoder.encode(self._events.compose(camera, event))
            for event in decode_waiting(waiting, after)
        )

    def _detections(self, body: DetectionBody | None) -> tuple[Detection, ...]:
        if body is None:
            return ()
        found = decode_detections(body.encoded)
        return tuple(
            Detection(
                self._options.labels[class_id], class_id, _round(score, 10_000),
                # A hundredth of a pixel says enough.
                (_round(x1, 100), _round(y1, 100), _round(x2, 100), _round(y2, 100)),
                track_id,
            )
            for (x1, y1, x2, y2), score, class_id, track_id in found.iterate()
        )  # fmt: skip

    def _compose(
        self,
        frame: Frame[DetectionBody | None],
        detections: tuple[Detection, ...],
        seq: int,
        drops: dict[str, int],
        now_ns: int,
    ) -> DetectionMessage:
        """`seq` is how many messages of the camera came before."""
        ref, slot = frame.ref, Slot(frame)
        form = slot.form
        width, height = form.display_wh
        return DetectionMessage(
            v=WIRE_VERSION,
            host=self._host,
            camera=frame.camera,
            epoch=ref.epoch,
            frame_id=ref.frame_id,
            seq=seq,
            pts_ns=frame.pts_ns,
            captured_mono_ns=ref.captured_ns,
            captured_unix_ns=frame.captured_unix_ns,
            stage_ns=frame.stage_ns(now_ns, self._stage),
            age_ms=round((now_ns - ref.captured_ns) / _NS_PER_MS, 3),
            width=width,
            height=height,
            drops=drops,
            model=self._options.model,
            status=_STATUSES[ref.mark],
            detections=detections,
            why=frame.failure,
            pts_from=slot.pts_origin.label,
            sar=form.sar,
            orientation=form.orientation,
            run=self._run,
        )


_STATUSES: dict[Mark, FrameStatus] = {
    Mark.NONE: "ok", Mark.IDLE: "idle", Mark.FAILED: "error", Mark.SKIPPED: "skipped"
}  # fmt: skip


def _round(value: float, steps: int) -> float:
    """To the nearest of so many steps from one to the next number; `value` is finite.

    `round` to digits formats the number and parses it again, which takes more than twice as long.
    """
    return round(value * steps) / steps
