"""A camera's ring of frame slots in shared memory, without a lock.

Every word of the control tables has exactly one writer. So a process that is killed at any instant
leaves nothing locked and nothing half-owned:

* `generation[slot]` is written by the capture process alone. It counts up when the slot is taken
  for a new frame; from then on, every reference to the slot's earlier content is stale.
* `released[slot, column]` is written by the one stage that owns the column: the generation that the
  stage has finished or given up.
* `finished[slot, column]` and `dropped[slot, column]` are written by the same stage: one more than
  the number of the frame that it has finished, or dropped, in whatever generation. So they hold for
  a frame that is sent again, too, and for the successor of a killed stage.
* `stamps[slot, column]` is written by the same stage: when it finished the frame
  (CLOCK_MONOTONIC).

A slot is free when, on every branch of the graph, one stage has released its generation.
"""

import math
import mmap
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.memory.frame_ref import FrameRef
from pipeline.memory.ring_layout import ALIGN, HEADER_BYTES, RingLayout, round_up
from pipeline.memory.space import ShmSpaceError, check_space
from pipeline.memory.tables import map_tables

Area = npt.NDArray[Any]


class Ring:
    """A mapped ring. The capture process creates it, every other stage attaches to it."""

    def __init__(
        self, path: Path, layout: RingLayout, memory: mmap.mmap, reserved: int | None = None
    ) -> None:
        self.path = path
        self.layout = layout
        self._reserved = layout.slots if reserved is None else reserved
        control = map_tables(memory, layout.control_tables, HEADER_BYTES)
        self.generation, self.frame_ids = control["generation"], control["frame_ids"]
        self.times = control["times"]
        self.released, self.stamps = control["released"], control["stamps"]
        self._finished, self._dropped = control["finished"].data, control["dropped"].data
        # The same words as plain integers: array elements take up to twice as long.
        self._generations, self._frame_ids = self.generation.data, self.frame_ids.data
        self._times, self._released, self._stamps = (
            self.times.data, self.released.data, self.stamps.data
        )  # fmt: skip
        self._released_rows = [row.data for row in self.released]
        self._branches = [tuple(reversed(branch)) for branch in layout.branches]  # ends release
        self.slots = [self._map_slot(memory, i) for i in range(layout.slots)]

    @classmethod
    def create(cls, path: Path, layout: RingLayout, reserved: int | None = None) -> "Ring":
        """Reserve the memory of the first `reserved` slots now, or of all.

        A slot that is not reserved must not be written: where the file system is full, that is a
        bus error.

        Raises:
            ShmSpaceError: there are not enough bytes for all of them.
        """
        reserved = layout.slots if reserved is None else min(reserved, layout.slots)
        check_space(path.parent, layout.total_bytes)
        fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(fd, 0, layout.first_slot + reserved * layout.slot_bytes)
            os.ftruncate(fd, layout.total_bytes)
            os.pwrite(fd, layout.to_header(), 0)
            memory = mmap.mmap(fd, layout.total_bytes)
        except OSError as error:
            path.unlink()
            raise ShmSpaceError(f"{path}: {layout.total_bytes} bytes: {error.strerror}") from None
        finally:
            os.close(fd)
        return cls(path, layout, memory, reserved)

    @classmethod
    def attach(cls, path: Path, *, read_only: bool = False) -> "Ring":
        """Map a ring that exists. Raises FileNotFoundError when its epoch is over."""
        fd = os.open(path, (os.O_RDONLY if read_only else os.O_RDWR) | os.O_CLOEXEC)
        try:
            memory = mmap.mmap(fd, 0, access=mmap.ACCESS_READ if read_only else mmap.ACCESS_WRITE)
        finally:
            os.close(fd)
        return cls(path, RingLayout.from_header(memory[:HEADER_BYTES]), memory)

    def reserve(self, slot: int) -> None:
        """Make the slot one that may be written; only the ring's creator knows which are.

        Raises:
            ShmSpaceError: there is no memory for it now.
        """
        if slot < self._reserved:
            return
        wanted = (slot + 1 - self._reserved) * self.layout.slot_bytes
        check_space(self.path.parent, wanted)
        fd = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        try:
            os.posix_fallocate(fd, self._offset(self._reserved), wanted)
        except OSError as error:
            raise ShmSpaceError(f"{self.path}: {wanted} bytes: {error.strerror}") from None
        finally:
            os.close(fd)
        self._reserved = slot + 1

    def free_slots(self) -> list[int]:
        """Slots that no branch of the graph still needs."""
        return [slot for slot in range(self.layout.slots) if self.is_free(slot)]

    def is_free(self, slot: int) -> bool:
        """Whether no branch of the graph still needs the slot."""
        generation, released = self._generations[slot], self._released_rows[slot].tolist()
        for branch in self._branches:
            for column in branch:
                if released[column] == generation:
                    break
            else:
                return False
        return True

    def sent_slots(self) -> list[int]:
        """Slots whose frame was sent and is needed; capture, which sends, owns the first column."""
        sent = self.released[:, 0] == self.generation
        free = self.free_slots()
        return [int(slot) for slot in np.flatnonzero(sent) if slot not in free]

    def take(self, slot: int) -> int:
        """Make every reference to the slot stale; returns the new generation."""
        self._generations[slot] += 1
        return self._generations[slot]

    def name(self, slot: int, frame_id: int, pts_ns: int, unix_ns: int) -> int:
        """Write which frame is in a slot that was taken; returns the slot's generation."""
        self._frame_ids[slot] = frame_id
        self._times[slot, 0], self._times[slot, 1] = pts_ns, unix_ns
        return self._generations[slot]

    def release(self, ref: FrameRef, column: int) -> None:
        self._released[ref.slot, column] = ref.generation

    def finish(self, ref: FrameRef, column: int) -> None:
        """Write that a stage has finished the frame, also when the reference is stale by now."""
        self._finished[ref.slot, column] = ref.frame_id + 1

    def is_finished(self, slot: int, column: int, frame_id: int, last_frame_id: int) -> bool:
        """Whether a stage has finished a frame; the last that it has counted is `last_frame_id`.

        A later frame of a live camera may have come first, when this one was lost with a killed
        process. Frames of a lossless source are finished in order, and after a restart of its
        process they are read again into a ring that knows nothing of that.
        """
        if frame_id > last_frame_id:
            return False
        return self.layout.lossless or self._finished[slot, column] == frame_id + 1

    def drop(self, ref: FrameRef, column: int) -> None:
        """Write that a stage has given the frame up, and release it."""
        self._dropped[ref.slot, column] = ref.frame_id + 1
        self.release(ref, column)

    def is_dropped(self, ref: FrameRef, column: int) -> bool:
        """Whether a stage has given the frame up, in whatever generation."""
        return self._dropped[ref.slot, column] == ref.frame_id + 1

    def stamp(self, ref: FrameRef, column: int, now_ns: int) -> None:
        self._stamps[ref.slot, column] = now_ns

    def is_current(self, ref: FrameRef) -> bool:
        return self._generations[ref.slot] == ref.generation

    def unlink(self) -> None:
        """Remove the name; processes that have the ring mapped keep the memory."""
        self.path.unlink(missing_ok=True)

    def _offset(self, slot: int) -> int:
        return self.layout.first_slot + slot * self.layout.slot_bytes

    def _map_slot(self, memory: mmap.mmap, index: int) -> dict[str, Area]:
        offset = self._offset(index)
        slot: dict[str, Area] = {}
        for name, area in self.layout.areas.items():
            dtype = np.dtype(area.dtype)
            flat = np.frombuffer(memory, dtype, math.prod(area.shape), offset)
            slot[name] = flat.reshape(area.shape)
            offset += round_up(area.nbytes, ALIGN)
        return slot


def ring_path(run_dir: Path, camera: int, epoch: int) -> Path:
    return run_dir / f"ring.{camera}.{epoch}"
