"""Preprocess: the frame warped to the network's size, straight into its place in the slot."""

from pipeline.stage import BasicStage, Context, Frame, Options
from stages.kernels.resize import warp_into


class Preprocess(BasicStage):
    """Reads `frame`, writes `tensor`."""

    def __init__(self, options: Options, context: Context) -> None:
        """Nothing to set up."""

    def process(self, frame: Frame) -> bytes:
        warp_into(frame["frame"], frame["tensor"])
        return b""
