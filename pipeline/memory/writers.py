"""The rows of the ledger that one stage alone, or the supervisor alone, writes."""

from collections.abc import Callable
from typing import Any

import numpy.typing as npt

from pipeline.memory.ages import age_bucket
from pipeline.memory.counters import LOSSES
from pipeline.memory.frame_ref import NO_FRAME
from pipeline.memory.heartbeat import HELD_FRAME, ProcessEntry


class PublishWriter:
    """What publish writes: ages of results, and which drops its messages have told of.

    Args:
        ages: words of (cameras, AGE_BUCKETS).
        age_sums_us: words of (cameras,).
        told_drops: (cameras, reasons).
        drops_by_reason: gives the sums over all processes of one camera's drops so far.
    """

    def __init__(
        self,
        ages: memoryview,
        age_sums_us: memoryview,
        told_drops: npt.NDArray[Any],
        drops_by_reason: Callable[[int], list[int]],
    ) -> None:
        self._ages = ages
        self._age_sums_us = age_sums_us
        self._told_drops = told_drops
        self._drops_by_reason = drops_by_reason

    def count_age(self, camera: int, age_ms: float) -> None:
        self._ages[camera, age_bucket(age_ms)] += 1
        self._age_sums_us[camera] += round(age_ms * 1000)

    def take_new_drops(self, camera: int) -> dict[str, int]:
        """Losses that no message has told of yet; they count as told from now on.

        A restarted publish tells only what its predecessor did not.
        """
        totals, told = self._drops_by_reason(camera), self._told_drops[camera].tolist()
        if totals == told:
            return {}
        self._told_drops[camera] = totals
        new = {reason: totals[reason] - told[reason] for reason in LOSSES}
        return {reason.label: count for reason, count in new.items() if count}


class FollowWriter:
    """What the stage writes that follows objects: of which cameras it needs every frame.

    Args:
        followed: words of (cameras,).
    """

    def __init__(self, followed: memoryview) -> None:
        self._followed = followed

    def set_followed(self, camera: int, followed: bool) -> None:
        self._followed[camera] = followed


class SupervisorWriter:
    """What the supervisor writes: requests to the processes, and the rows of dead ones.

    Args:
        replays: words of (cameras,).
        revision: one word.
        leaving: words of (cameras,).
        skips: words of (cameras, 2), flat.
        processes: (processes, words of a heartbeat).
    """

    def __init__(
        self,
        replays: memoryview,
        revision: memoryview,
        leaving: memoryview,
        skips: memoryview,
        processes: npt.NDArray[Any],
    ) -> None:
        self._replays = replays
        self._revision = revision
        self._leaving = leaving
        self._skips = skips
        self._processes = processes

    def request_replay(self) -> None:
        """Ask every capture process to send its unfinished frames again."""
        for camera in range(len(self._replays)):
            self._replays[camera] += 1

    def announce(self, revision: int) -> None:
        """The run of this revision is there to be read."""
        self._revision[0] = revision

    def set_leaving(self, camera: int, leaving: bool) -> None:
        """Tell the camera's capture process, which is asked to end, that the line goes on."""
        self._leaving[camera] = leaving

    def skip_frame(self, camera: int, column: int, frame_id: int) -> None:
        """Have the stage of this column hand the frame on without processing it."""
        self._skips[2 * camera + 1] = column
        self._skips[2 * camera] = frame_id

    def take_held_frame(self, process: int) -> tuple[int, int] | None:
        """(camera, frame_id) that a dead process worked on; its successor begins with none."""
        words = self._processes[process].data
        held = ProcessEntry(words).held_frame
        words[HELD_FRAME] = NO_FRAME
        return held
