"""The service `recorder`: keeps what matters in files, over many runs."""

import sqlite3
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from pipeline.client import DetectionMessage, ModelInfo
from pipeline.logger import logger
from pipeline.service import ServiceContext, ServiceError
from stages.services.archive.archive import Archive
from stages.services.archive.layout import INDEX, Kind
from stages.services.archive.retention import Limits
from stages.services.recorder.clips import LATE_NS, Clips
from stages.services.recorder.coder import CodedPackets
from stages.services.recorder.continuous import Continuous, ContinuousOptions
from stages.services.recorder.events import EventKeeper
from stages.services.recorder.finisher import Finisher
from stages.services.recorder.granting import Granting
from stages.services.recorder.pauses import Pauses
from stages.services.recorder.resume import (
    NOTHING_TOLD,
    Told,
    clips_since,
    find_left,
    last_parts,
    told_in,
)
from stages.services.recorder.rules import ClipRule
from stages.services.recorder.snapshots import SnapshotOptions, Snapshots
from stages.services.recorder.unfinished import Left, Unfinished

_TURN_S = 0.25  # a quarter of the longest fragment
_LAST_S = 0.4  # for the last films to be finished, when the line stops; its parent does others


class RecorderOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As in the configuration; docs/recording.md explains them."""

    folder: str
    limits: Limits
    model: ModelInfo
    continuous: ContinuousOptions | None = None
    clips: Mapping[str, ClipRule] = {}
    snapshots: SnapshotOptions | None = None
    cameras: tuple[str, ...] = ()  # where others come or go, it begins anew with those
    paused: tuple[str, ...] = ()  # whose recording is switched off
    recorded_since: Mapping[str, int] = {}  # CLOCK_MONOTONIC; where it was switched on again
    began_ns: int = 0  # the line, by the same clock


class Recorder:
    """One process for all cameras. The files are the truth; an index of them is kept beside."""

    Options = RecorderOptions

    def __init__(self, options: RecorderOptions, context: ServiceContext) -> None:
        self._options, self._context = options, context
        self._pauses = Pauses(options.paused, _unix_ns(options.recorded_since))
        try:
            self._archive = Archive(Path(options.folder), options.limits)
        except OSError as error:
            raise ServiceError(f"record.folder: {options.folder}: {error.strerror}") from None
        except sqlite3.Error as error:  # held by another program, or no file
            index = Path(options.folder) / INDEX
            raise ServiceError(
                f"record.folder: {index}: the index cannot be used: {error}"
            ) from None
        self._events = EventKeeper(self._archive)
        self._finisher = Finisher()
        self._unfinished = Unfinished(self._archive, self._finisher)
        self._packets = CodedPackets(context.packets, context.frames, _recorded(options, context))
        self._continuous = {
            camera: Continuous(
                camera,
                options.continuous.segment_s,
                self._packets,
                self._archive,
                self._finisher,
                self._pauses.begin_ns(camera),
            )
            for camera in context.cameras
            if options.continuous is not None and options.continuous.wants(camera)
        }
        self._clips = Clips(
            options.clips, context.cameras, self._packets, self._archive, self._finisher,
            options.model, self._pauses,
        )  # fmt: skip
        self._snapshots = (
            Snapshots(options.snapshots, context.frames, self._archive, options.model)
            if options.snapshots is not None
            else None
        )
        self._always_sees = bool(options.clips or options.continuous or options.snapshots)
        self._has_resumed = False
        self._has_successor = False  # which begins with other options; the line goes on
        self._granting = Granting(self._archive, self._clips, context.cameras)
        logger.info("keeps what matters in {}", options.folder)

    def run(self) -> None:
        while self._context.is_running():
            if self._sees:
                self._follow()
            else:
                self._take_turn()
                time.sleep(_TURN_S)
        self._take_turn()
        self._clips.end(goes_on=self._has_successor)
        if not self._has_successor:
            self._granting.drop()
        if self._snapshots is not None:
            self._snapshots.end()
        for camera, continuous in self._continuous.items():
            if camera not in self._pauses:
                continuous.end()
        if self._has_successor:  # by what is not finished it knows where to go on
            return
        deadline_s = time.monotonic() + _LAST_S
        while not self._finisher.is_idle and time.monotonic() < deadline_s:
            time.sleep(_LAST_S / 20)
            self._unfinished.take_turn()

    def reconfigure(self, options: RecorderOptions) -> bool:
        """Switch the recording of single cameras off or on; the others notice nothing."""
        before, now_ns = self._options, time.time_ns()
        if _without_switches(options) != _without_switches(before):
            self._has_successor = True
            return False
        self._options = options
        again = dict(options.recorded_since.items() - before.recorded_since.items())
        begun, ended = self._pauses.change(options.paused, now_ns, again)
        for camera in begun:
            self._clips.pause(camera)
            if self._snapshots is not None:
                self._snapshots.pause(camera)
            if camera in self._continuous:
                self._continuous[camera].pause(now_ns)
        for camera in ended & self._continuous.keys():
            self._continuous[camera].resume(now_ns)
        return True

    def close(self) -> None:
        self._archive.close()

    @property
    def _sees(self) -> bool:
        """Whether results are of use: they tell what a clip shows, also one made by hand."""
        return self._always_sees or bool(self._clips.asked)

    def _follow(self) -> None:
        """With the results of all frames, for as long as they are of use."""
        next_s = 0.0
        for message in self._context.messages():
            if isinstance(message, DetectionMessage) and self._is_kept(message):
                self._packets.see(message)
                self._clips.see(message)
                if self._snapshots is not None:
                    self._snapshots.see(message)
            if time.monotonic() >= next_s:
                next_s = time.monotonic() + _TURN_S
                self._take_turn()
                if not self._sees and self._context.is_running():
                    return

    def _is_kept(self, message: DetectionMessage) -> bool:
        """Whether its frame was captured while recording was on: a result comes later."""
        camera = message.camera
        is_late = message.captured_unix_ns < self._pauses.begin_ns(camera)
        return camera not in self._pauses and not is_late

    def _take_turn(self) -> None:
        """Do what there is to do. It may be much: no step goes without a sign of life."""
        beat = self._context.beat
        self._archive.take_turn()
        if not self._archive.is_complete:
            return  # it does not know yet what it has of this run
        is_first, self._has_resumed = not self._has_resumed, True
        told = self._resume() if is_first else NOTHING_TOLD
        for event in self._context.events.read():
            beat()
            is_new = self._events.add(event)
            # A process before this one may have kept it, and was killed before its clip had begun.
            if is_new or (is_first and event.captured_unix_ns > time.time_ns() - LATE_NS):
                self._clips.hear(event, told.rules_of(event))
            if is_new and self._snapshots is not None:
                self._snapshots.hear(event)
        self._granting.begin(self._context.cameras, told.groups)
        self._clips.take_turn(time.time_ns(), beat)
        self._granting.drop()
        self._packets.code(self._clips.asked)
        for camera, continuous in self._continuous.items():
            beat()
            if camera not in self._pauses:
                continuous.take_turn()
        self._unfinished.take_turn(beat)

    def _resume(self) -> Told:
        """Go on with what a process before this one has left, as far as the rings go back.

        What is left is finished at the end of the turn, when the films that go on have begun.
        """
        left = find_left(self._archive, self._context.beat)
        self._unfinished.put(left)
        asked_ns = [wish.at_ns for wish in self._archive.wishes()]
        clips = clips_since(self._archive, min([time.time_ns() - 2 * LATE_NS, *asked_ns]))
        began_ns = _ahead_ns() + self._options.began_ns
        closed = [clip for clip in clips if not clip.open and clip.end_unix_ns >= began_ns]
        for part in last_parts(left, closed):
            self._clips.continue_after(part, time.time_ns())
        for camera, end_ns in self._last_ends(left).items():
            self._continuous[camera].continue_after(end_ns)
        return told_in(clips)

    def _last_ends(self, left: Iterable[Left]) -> dict[str, int]:
        """Where what is kept of each camera ends: in a film that is open, or one that had to end.

        After that the camera may have sent nothing that could be recorded, or there was no room.
        A film that has ended in a run before this one is not gone on with, nor one that was made
        before the clock was set back: nobody knows when it ended.
        """
        ends, now_ns = dict[str, int](), time.time_ns()
        began_ns = _ahead_ns() + self._options.began_ns
        for camera in self._continuous:
            end_ns = self._archive.last_end_ns(camera, Kind.CONTINUOUS)
            if end_ns is not None and began_ns <= end_ns <= now_ns:
                ends[camera] = end_ns
        for _, sidecar, _ in left:
            camera = sidecar.camera
            if sidecar.kind is Kind.CONTINUOUS and camera in self._continuous:
                ends[camera] = max(sidecar.end_unix_ns, ends.get(camera, 0))
        return ends


def _without_switches(options: RecorderOptions) -> RecorderOptions:
    return msgspec.structs.replace(options, paused=(), recorded_since={})


def _unix_ns(mono_ns: Mapping[str, int]) -> dict[str, int]:
    """Times by the clock as it is now, of those by CLOCK_MONOTONIC."""
    ahead_ns = _ahead_ns()
    return {camera: at_ns + ahead_ns for camera, at_ns in mono_ns.items()}


def _ahead_ns() -> int:
    """By how much the clock is ahead of CLOCK_MONOTONIC."""
    return time.time_ns() - time.monotonic_ns()


def _recorded(options: RecorderOptions, context: ServiceContext) -> list[str]:
    """The cameras of which films may be wanted at any time."""
    continuous, rules = options.continuous, options.clips.values()
    return [
        camera
        for camera in context.cameras
        if (continuous is not None and continuous.wants(camera))
        or any(not rule.cameras or camera in rule.cameras for rule in rules)
    ]
