"""Preprocess: the frame warped to the network's size, in BGR, into its place in the slot."""

from pipeline.stage import BasicStage, Context, Frame, Options
from stages.slot import Slot


class Preprocess(BasicStage[None, None]):
    """Reads `frame`, writes `tensor`."""

    def __init__(self, options: Options, context: Context) -> None:
        """Nothing to set up."""

    def process(self, frame: Frame[None]) -> None:
        slot = Slot(frame)
        slot.picture.warp_into(slot.tensor)
