"""Which frames of a camera are worth a look of the detector."""

import msgspec

from stages.kernels.boxes import Wh
from stages.kernels.gating.mask import Polygon, ignored_blocks
from stages.kernels.gating.motion import MotionDetector
from stages.kernels.pixels import Pixels

_HOLD_S = 1.0  # after the last motion: the detector needs more than one look at a small object
_ROUNDING_S = 1e-6


class GateOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When one camera's gate is open although nothing moves, and what counts as motion."""

    look_s: float  # a look at least so often
    ignored: tuple[Polygon, ...] = ()  # motion in there does not count


class Gate:
    """Open while something moves or is followed, and once in a while.

    Args:
        picture_wh: size of the pictures.
    """

    def __init__(self, picture_wh: Wh, options: GateOptions) -> None:
        self._motion = MotionDetector(picture_wh, ignored_blocks(picture_wh, options.ignored))
        self._look_s = options.look_s
        self.forget()

    def forget(self) -> None:
        """The camera begins again: what comes may show another place, at another time."""
        self._motion.forget()
        self._moved_s = self._looked_s = float("-inf")

    def is_open(self, picture: Pixels, seconds: float, *, followed: bool) -> bool:
        """Whether this frame is worth a look. Every frame is to be asked about, in order.

        Args:
            picture: (h, w, 3) BGR.
            seconds: when it was captured, on a clock that never goes back.
            followed: whether objects that were detected before are followed.
        """
        if self._motion.look(picture, seconds, learn=not followed):
            self._moved_s = seconds
        is_held = seconds - self._moved_s <= _HOLD_S + _ROUNDING_S
        is_due = seconds - self._looked_s >= self._look_s - _ROUNDING_S
        if is_held or is_due or followed:
            self._looked_s = seconds
            return True
        return False
