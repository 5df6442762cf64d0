"""Events as clients and files get them."""

import socket
from collections.abc import Sequence
from pathlib import Path

from pipeline.client import WIRE_VERSION, EventMessage, TrackSummary
from pipeline.memory.run_dir import run_name
from stages.events.event import Box, Event, Life
from stages.kernels.boxes import Wh


class EventComposer:
    """Makes messages of the events of a run.

    Args:
        run_dir: of the run.
        labels: of the model, by class id.
    """

    def __init__(self, run_dir: Path, cameras: Sequence[str], labels: Sequence[str]) -> None:
        self._host, self.run = socket.gethostname(), run_name(run_dir)
        self.cameras, self._labels = cameras, labels

    def compose(self, camera: int, event: Event) -> EventMessage:
        width, height = event.frame_wh
        return EventMessage(
            v=WIRE_VERSION,
            host=self._host,
            run=self.run,
            camera=self.cameras[camera],
            seq=event.seq,
            kind=event.kind,
            track_id=event.track_id,
            label=self._labels[event.class_id],
            class_id=event.class_id,
            score=round(event.score, 4),
            box=_round_box(event.box),
            width=width,
            height=height,
            epoch=event.epoch,
            frame_id=event.frame_id,
            pts_ns=event.pts_ns,
            captured_unix_ns=event.captured_unix_ns,
            region=event.region,
            direction=event.direction,
            reason=event.reason,
            seconds=None if event.seconds is None else round(event.seconds, 3),
            count=event.count,
            inside=event.inside,
            life=None if event.life is None else _summarize(event.life, event.frame_wh),
        )


def _summarize(life: Life, frame_wh: Wh) -> TrackSummary:
    width, height = frame_wh
    return TrackSummary(
        first_seen_unix_ns=life.first_seen.captured_unix_ns,
        last_seen_unix_ns=life.last_seen.captured_unix_ns,
        best_score=round(life.best_score, 4),
        best_box=_round_box(life.best_box),
        best_frame_id=life.best_frame_id,
        median_score=round(life.median_score, 4),
        path=tuple((round(x * width, 2), round(y * height, 2)) for x, y in life.path),
    )


def _round_box(box: Box) -> Box:
    """A hundredth of a pixel says enough."""
    x1, y1, x2, y2 = box
    return round(x1, 2), round(y1, 2), round(x2, 2), round(y2, 2)
