"""The rings that a stage reads. Each is mapped when the first reference to it arrives."""

from pathlib import Path

from pipeline.memory.frame_ref import FrameRef
from pipeline.memory.ring import Ring, ring_path


class RingCache:
    """One mapped ring per camera: that of the newest epoch that a reference named."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._rings: dict[int, tuple[int, Ring]] = {}  # by camera: epoch, ring

    def find(self, ref: FrameRef) -> Ring | None:
        """The ring that holds the frame, or None when the reference is stale."""
        epoch, ring = self._rings.get(ref.camera, (-1, None))
        if ring is None or epoch < ref.epoch:
            try:
                ring = Ring.attach(ring_path(self._run_dir, ref.camera, ref.epoch))
            except FileNotFoundError:
                return None
            self._rings[ref.camera] = (ref.epoch, ring)
        elif epoch > ref.epoch:
            return None
        return ring if ref.slot < ring.layout.slots and ring.is_current(ref) else None

    def forget(self, camera: int) -> None:
        """The camera is gone: its ring is not kept in memory."""
        self._rings.pop(camera, None)
