"""Publish: one message per frame for the world, and what each camera is doing."""

import socket

import msgspec

from pipeline.client import (
    WIRE_VERSION,
    Detection,
    DetectionMessage,
    ModelInfo,
    StatusMessage,
)
from pipeline.links.authenticator import server_keys
from pipeline.links.broadcast import Broadcast
from pipeline.links.sockets import messages_address
from pipeline.memory.ledger import CameraState
from pipeline.realtime import monotonic_ns
from pipeline.stage import BasicStage, Context, Frame
from stages.kernels.detections import decode_detections
from stages.slot import Slot

_NS_PER_MS = 1_000_000
_KEPT_MESSAGES = 64  # per run: more than the slots of any ring, for frames that are sent again


class PublishOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    endpoint: str
    labels: tuple[str, ...]
    model: ModelInfo
    secret_key: str | None = None
    clients: str | None = None


class Publish(BasicStage):
    """Completes each frame's message with sequence number, age and drops, and sends it.

    Reads the detections in the frame's body, and the frame's size.
    """

    Options = PublishOptions

    def __init__(self, options: PublishOptions, context: Context) -> None:
        self._options = options
        self._cameras = context.run.cameras
        self._ledger = context.ledger
        own = context.run.publisher
        assert own is not None, "the graph has no publisher"
        self._tallies = [self._ledger.tally(camera, own) for camera in range(len(self._cameras))]
        self._host = socket.gethostname()
        topics = [f"{kind}.{name}" for name in self._cameras for kind in ("det", "status")]
        keys = server_keys(options.secret_key, options.clients)
        services = context.run.topology.services
        private = messages_address(context.run_dir) if services else None
        self._broadcast = Broadcast(options.endpoint, topics, keys, private)
        self._encoder = msgspec.msgpack.Encoder()
        self._statuses: list[tuple[CameraState, int, str] | None] = [None] * len(self._cameras)
        self._sent: dict[tuple[int, int], bytes] = {}  # by camera and frame_id, oldest first

    def process(self, frame: Frame) -> bytes:
        found = decode_detections(frame.body)
        detections = tuple(
            Detection(
                self._options.labels[class_id], class_id, _round(score, 10_000),
                # A hundredth of a pixel says enough.
                (_round(x1, 100), _round(y1, 100), _round(x2, 100), _round(y2, 100)),
                track_id,
            )
            for (x1, y1, x2, y2), score, class_id, track_id in found.iterate()
        )  # fmt: skip
        return self._send(frame, detections, "")

    def pass_failed(self, frame: Frame) -> bytes:
        return self._send(frame, (), frame.body.decode(errors="replace"))

    def idle(self) -> None:
        self._broadcast.welcome()
        for camera, name in enumerate(self._cameras):
            status = self._ledger.state(camera)
            if status != self._statuses[camera]:
                self._statuses[camera] = status
                state, since_unix_ns, why = status
                message = StatusMessage(
                    WIRE_VERSION, self._host, name, state.label, since_unix_ns, why
                )
                self._broadcast.send(f"status.{name}", self._encoder.encode(message))

    def close(self) -> None:
        self.idle()
        self._broadcast.close()

    def _send(self, frame: Frame, detections: tuple[Detection, ...], why: str) -> bytes:
        """Publish once; a frame that comes again gives the same bytes to the recorder only."""
        key = (frame.ref.camera, frame.ref.frame_id)
        payload = self._sent.get(key)
        if payload is None:
            payload = self._encoder.encode(self._compose(frame, detections, why))
            self._sent[key] = payload
            if len(self._sent) > _KEPT_MESSAGES:
                del self._sent[next(iter(self._sent))]
        if not frame.repeated:
            self._broadcast.send(f"det.{frame.camera}", payload)
        return payload

    def _compose(
        self, frame: Frame, detections: tuple[Detection, ...], why: str
    ) -> DetectionMessage:
        now_ns = monotonic_ns()
        age_ms = (now_ns - frame.ref.captured_ns) / _NS_PER_MS
        width, height = Slot(frame).frame_wh
        if not frame.repeated:
            self._ledger.count_age(frame.ref.camera, age_ms)
        return DetectionMessage(
            v=WIRE_VERSION,
            host=self._host,
            camera=frame.camera,
            epoch=frame.ref.epoch,
            frame_id=frame.ref.frame_id,
            seq=self._seq(frame),
            pts_ns=frame.pts_ns,
            captured_mono_ns=frame.ref.captured_ns,
            captured_unix_ns=frame.captured_unix_ns,
            stage_ns=frame.stage_ns(now_ns, "publish"),
            age_ms=round(age_ms, 3),
            width=width,
            height=height,
            drops={} if frame.repeated else self._ledger.take_new_drops(frame.ref.camera),
            model=self._options.model,
            status="skipped" if frame.ref.skipped else "error" if why else "ok",
            detections=detections,
            why=why,
        )

    def _seq(self, frame: Frame) -> int:
        """How many messages came before; one that a killed predecessor sent keeps its number."""
        tally = self._tallies[frame.ref.camera]
        behind = tally.last_frame_id - frame.ref.frame_id + 1 if frame.repeated else 0
        return tally.frames - behind


def _round(value: float, steps: int) -> float:
    """To the nearest of so many steps from one to the next number; `value` is finite.

    `round` to digits formats the number and parses it again, which takes more than twice as long.
    """
    return round(value * steps) / steps
