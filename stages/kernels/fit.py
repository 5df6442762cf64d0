"""How a frame lies on the network's input: warped onto all of it, or letterboxed.

ThunderNet sees frames that are warped, as in its training. Models that were trained with the shape
of things kept want a letterbox: the frame at its own aspect ratio, and padding beside it. In
between, a letterbox may stretch frames so far as training did. `fitter` brings the pixels there,
`boxes.boxes_from_place` leads back. The model's card is read where no arrays are needed, so this
file imports none.
"""

from typing import Annotated, Literal, NamedTuple

import msgspec

Wh = tuple[int, int]
Byte = Annotated[int, msgspec.Meta(ge=0, le=255)]


class Place(NamedTuple):
    """The part of the network's input that a frame covers, in pixels of the input."""

    x: int
    y: int
    width: int
    height: int


class Letterbox(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Where a frame lies that keeps its aspect ratio, or nearly, and what is beside it."""

    align: Literal["centre", "top_left"]
    pad: tuple[Byte, Byte, Byte]  # colour, BGR
    # By how much one side may be scaled more than the other where that leaves less padding.
    stretch: Annotated[float, msgspec.Meta(ge=1.0)] = 1.0


class Fit(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """How frames are brought to the network's size."""

    letterbox: Letterbox | None = None  # None: width and height are scaled independently
    resize: Literal["linear", "area", "cubic", "nearest"] = "linear"

    def place(self, network_wh: Wh, frame_wh: Wh) -> Place:
        """Where a frame of square pixels comes to lie."""
        if self.letterbox is None:
            return Place(0, 0, *network_wh)
        scales = [side / of_frame for side, of_frame in zip(network_wh, frame_wh, strict=True)]
        most = min(scales) * self.letterbox.stretch
        width, height = (
            max(1, round(min(scale, most) * side))
            for scale, side in zip(scales, frame_wh, strict=True)
        )
        if self.letterbox.align == "top_left":
            return Place(0, 0, width, height)
        return Place((network_wh[0] - width) // 2, (network_wh[1] - height) // 2, width, height)


WARPED = Fit()
