"""A line of two cameras, recorders and all, and what is to be true of it whatever is done to it.

`clip` is a file at the speed of a camera: every frame of it counts. `gate` is a network camera, or
where no RTSP server can be had a file that is read like one: the newest frame of it wins.
"""

import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec

from pipeline.config_file import build
from pipeline.memory.ring import Ring, ring_path
from stages.config import LineConfig
from tests.clips import is_of_frame, level, make_clip
from tests.faults.camera import RtspCamera
from tests.faults.inbox import Inbox
from tests.faults.sandbox import Refused, Sandbox
from tests.ports import free_port
from tests.process_names import process_names
from tests.recordings import recorded_levels
from tests.running_ledger import RunningLedger
from tests.running_line import REPOSITORY, RunningLine

CAMERAS = ("clip", "gate")
PROCESSES = process_names(
    build(
        {
            "sources": [{"name": camera, "uri": "scene://street"} for camera in CAMERAS],
            "record": {"jsonl": "out.jsonl", "video": "{camera}.mp4"},
            "track": {"enabled": False},
        },
        LineConfig,
        "line under fire",
    )
)
STAGES = tuple(name for name in PROCESSES if not name.startswith("capture."))
RECORDERS = ("record_jsonl", "record_video")
KILLED = (*PROCESSES, "fork_server")
HANG_S = 60.0  # without a result for so long after a fault, a line is dead
_LOOK_S = 0.002
_CLIP_WH, _CLIP_FRAMES = (320, 240), 16  # most pixels keep the frame's grey beside what is drawn
_MOST_AGE_MS = 600_000.0  # more would be a clock that was stepped
_SETTINGS = {
    "limits": {"frame_s": 4.0, "restarts": 1_000_000, "window_s": 1.0},  # no budget: it goes on
    "log": "INFO",
}


class Recovery(NamedTuple):
    """Seconds from the end of a cause to the first frame captured after it; None: never."""

    detections_s: float | None  # at a subscriber
    recordings_s: float | None  # finished by the recorders


class Account(NamedTuple):
    """What became of the frames of one camera."""

    captured: int
    results: int
    drops: int
    under_way: int

    @property
    def is_exact(self) -> bool:
        return self.captured == self.results + self.drops + self.under_way


class LineUnderFire:
    """Started by a user's command; `end` says which of its promises were broken."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.port = free_port()
        self.camera: RtspCamera | None = None
        try:
            self.camera = RtspCamera(sandbox.network)
        except Refused as refusal:
            sandbox.refusals["camera"] = str(refusal)
        self.clip = make_clip(folder / "clip.avi", _CLIP_FRAMES, _CLIP_WH)
        self.line = RunningLine(folder, list(self._arguments()), sandbox.wrap)
        self.line.jsonl = sandbox.disk / "out.jsonl"
        self.inbox = Inbox(f"tcp://127.0.0.1:{self.port}")
        try:
            self.run_dir = sandbox.shm / self.line.run_dir().name
            self.wait_until(lambda: min(map(self.inbox.newest_frame, CAMERAS)) >= 0, "results")
            self.ledger = RunningLedger(self.run_dir, PROCESSES)
        except BaseException:  # nothing is left behind when the start fails
            self.abandon()
            raise

    @property
    def stderr(self) -> str:
        return self.line.stderr

    @property
    def restarts(self) -> int:
        return self.stderr.count(": starting it again")

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + HANG_S
        while not condition():
            assert self.line.process.poll() is None, f"ended early: {self.stderr[-2000:]}"
            assert time.monotonic() < deadline, f"{what}: in vain, {self.stderr[-2000:]}"
            time.sleep(_LOOK_S)

    def next_frames(self) -> list[int]:
        """Of each camera, the number that the next captured frame will have at least."""
        return [
            self.ledger.counts(f"capture.{camera}", camera).last_frame_id + 1 for camera in CAMERAS
        ]

    def recovery(self, since_s: float) -> Recovery:
        """Wait for every camera's first frame from now on, at all ends of the line."""
        wanted = self.next_frames()
        deadline = time.monotonic() + HANG_S
        detections_s: float | None = None
        recordings_s: float | None = None
        while time.monotonic() < deadline and (detections_s is None or recordings_s is None):
            assert self.line.process.poll() is None, f"ended early: {self.stderr[-2000:]}"
            now_s = time.monotonic() - since_s
            if detections_s is None and self._has_results(wanted):
                detections_s = now_s
            if recordings_s is None and self._has_recordings(wanted):
                recordings_s = now_s
            time.sleep(_LOOK_S)
        return Recovery(detections_s, recordings_s)

    def accounts(self, rings: Sequence[Ring]) -> dict[str, Account]:
        """Exact when nothing moves any more: in the middle of a run a frame is counted later."""
        found = {}
        for camera, ring in zip(CAMERAS, rings, strict=True):
            published = self.ledger.counts("publish", camera).last_frame_id
            waiting = [slot for slot in ring.sent_slots() if int(ring.frame_ids[slot]) > published]
            captured, results = self.ledger.captured(camera), self.ledger.results(camera)
            found[camera] = Account(captured, results, self.ledger.losses(camera), len(waiting))
        return found

    def end(self) -> tuple[dict[str, Account], list[str]]:
        """Stop it as a user does; returns the accounts, and every promise that it broke."""
        rings = [self._ring(camera) for camera in CAMERAS]  # mapped: they outlive their names
        self.line.look()
        self.line.process.terminate()
        code = self.line.wait()
        accounts = self.accounts(rings)
        broken = [f"{name}: {account}" for name, account in accounts.items()
                  if not account.is_exact]  # fmt: skip
        if code != 0:
            broken.append(f"exit code {code}")
        broken += self._wrong_recordings()
        self.abandon()
        broken += [f"left behind: {what}" for what in self._leftovers()]
        return accounts, broken

    def abandon(self) -> None:
        """Let go of everything, in whatever state it is."""
        self.inbox.close()
        self.line.end()
        if self.camera is not None:
            self.camera.stop()

    def _arguments(self) -> list[str]:
        gate = {"uri": str(self.clip), "loop": True, "realtime": True, "live": True}
        if self.camera is not None:
            gate = {"uri": self.camera.url, "silence_s": 2.0}
        sources = [
            {"name": "clip", "uri": str(self.clip), "loop": True, "realtime": True},
            {"name": "gate", **gate},
        ]
        for source in sources:
            source["retry"] = {"first_s": 0.1, "cap_s": 0.5}
        settings = {
            "sources": sources,
            **_SETTINGS,
            "publish.endpoint": f"tcp://127.0.0.1:{self.port}",
            "record.jsonl": str(self.sandbox.disk / "out.jsonl"),
            "record.video": str(self.sandbox.disk / "{camera}.mp4"),
            "track.enabled": False,  # a median score would not say which frame it is
        }
        sets = [f"{key}={msgspec.json.encode(value).decode()}" for key, value in settings.items()]
        model = str(REPOSITORY / "tests/golden/tiny.onnx")
        return ["--model", model, *(word for text in sets for word in ("--set", text))]

    def _ring(self, camera: str) -> Ring:
        epoch = self.ledger.epoch(camera)
        return Ring.attach(ring_path(self.run_dir, CAMERAS.index(camera), epoch))

    def _has_results(self, wanted: Sequence[int]) -> bool:
        newest = map(self.inbox.newest_frame, CAMERAS)
        return all(frame >= first for frame, first in zip(newest, wanted, strict=True))

    def _has_recordings(self, wanted: Sequence[int]) -> bool:
        return all(
            self.ledger.counts(recorder, camera).last_frame_id >= first
            for camera, first in zip(CAMERAS, wanted, strict=True)
            for recorder in RECORDERS
        )

    def _wrong_recordings(self) -> list[str]:
        """Every frame of the file once, in order, up to where the disk was full."""
        broken = []
        messages = self.line.messages()
        clip = [m for m in messages if m.camera == "clip"]
        if [m.frame_id for m in clip] != list(range(len(clip))):
            broken.append("out.jsonl: not each frame of clip once and in order")
        if not all(is_of_frame(m, m.frame_id) for m in clip):
            broken.append("out.jsonl: results that belong to other frames")
        gate = [m.frame_id for m in messages if m.camera == "gate"]
        if wrong := [pair for pair in pairwise(gate) if pair[0] >= pair[1]]:
            broken.append(f"out.jsonl: frames of gate twice or out of order: {wrong[:5]}")
        if not all(0 <= m.age_ms < _MOST_AGE_MS for m in messages):
            broken.append("out.jsonl: ages that no frame had")
        recorded = recorded_levels(self.sandbox.disk / "clip.mp4")
        if any(abs(grey - level(i)) >= 5 for i, grey in enumerate(recorded)):
            broken.append("clip.mp4: not each frame once and in order")
        if not clip or not recorded:
            broken.append(f"recordings of clip: {len(clip)} messages, {len(recorded)} frames")
        return broken

    def _leftovers(self) -> list[str]:
        left = self.line.leftovers()
        left += [str(path) for path in self.sandbox.shm.glob(self.run_dir.name + "*")]
        sockets = Path("/proc/net/unix").read_text().splitlines()
        return left + [row.split()[-1] for row in sockets if self.run_dir.name in row]
