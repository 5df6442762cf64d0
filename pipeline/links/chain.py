"""The order in which frames are sent over a link: each names the one that was sent before it."""

from collections.abc import Mapping

import msgspec

from pipeline.memory.frame_ref import FrameRef

_KEPT = 64  # of a camera; the next frame names the newest


class Chain:
    """Keeps frames from naming one that their sender has left out: nobody is to wait for it.

    A frame that was lost before its sender got it is another matter: it comes again, so the next
    one goes on naming it.
    """

    def __init__(self) -> None:
        self._left_out: dict[int, dict[int, int]] = {}  # by camera: frame_id, the one before it

    def leave_out(self, ref: FrameRef) -> None:
        """This frame is not sent."""
        left_out = self._left_out.setdefault(ref.camera, {})
        left_out[ref.frame_id] = _find_sent(left_out, ref.after)
        if len(left_out) > _KEPT:
            del left_out[next(iter(left_out))]

    def link(self, ref: FrameRef) -> FrameRef:
        """The reference to a frame that is sent now."""
        left_out = self._left_out.get(ref.camera)
        if not left_out:
            return ref
        left_out.pop(ref.frame_id, None)  # only its older copy was left out
        after = _find_sent(left_out, ref.after)
        return ref if after == ref.after else msgspec.structs.replace(ref, after=after)

    def forget(self, camera: int) -> None:
        """The camera is gone."""
        self._left_out.pop(camera, None)


def _find_sent(left_out: Mapping[int, int], frame_id: int) -> int:
    """This frame, or back from it the first that was not left out."""
    for _ in left_out:  # frames that are sent again name a later one: this might never end
        before = left_out.get(frame_id, frame_id)
        if before == frame_id:
            break
        frame_id = before
    return frame_id
