"""Preprocess: the frame warped to the network's size, in BGR, into its place in the slot."""

from pipeline.stage import BasicStage, Context, Frame, Options
from stages.kernels.warp import Warper
from stages.slot import Slot


class Preprocess(BasicStage[None, None]):
    """Reads `frame`, writes `tensor`."""

    def __init__(self, options: Options, context: Context) -> None:
        self._warper: Warper | None = None

    def process(self, frame: Frame[None]) -> None:
        slot = Slot(frame)
        if self._warper is None:  # the first frame tells the network's size
            self._warper = Warper(slot.network_wh)
        self._warper.warp(slot.picture, slot.tensor)
