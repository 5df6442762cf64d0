"""Zones, counting lines and filters of a source, as they are written in the configuration.

All places are shares of the upright picture, 0 to 1, from its upper left corner to the right and
down; so they stay right when the picture's size changes.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

MOST_REGIONS = 64  # zones of a source, and lines
MOST_CORNERS = 100

Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Point = tuple[Share, Share]  # x and y
# The first point may stand again at the end.
Polygon = Annotated[tuple[Point, ...], Meta(min_length=3, max_length=MOST_CORNERS)]
Direction = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of the configuration; unknown keys are refused."""


def corners_of(polygon: Polygon) -> tuple[Point, ...]:
    """The polygon without its first point at the end."""
    closed = len(polygon) > 1 and polygon[0] == polygon[-1]
    return polygon[:-1] if closed else polygon


class ZoneConfig(_Section, frozen=True):
    """An area: who enters it, who leaves it, who stays."""

    polygon: Polygon
    labels: tuple[str, ...] = ()  # only these may enter; all when empty
    min_score: Share = 0.0
    min_area: Share = 0.0  # of an object's box, as a share of the picture
    # From where an object was seen first, in widths and heights of its box: who only stands there,
    # such as a parked car that gets another number, does not enter.
    min_travel: Annotated[float, Meta(ge=0.0, le=100.0)] = 0.0
    dwell_s: Annotated[float, Meta(gt=0.0, le=604_800.0)] | None = None  # a stay that is told
    anchor: Literal["bottom", "center", "overlap"] = "bottom"  # what of a box must be inside

    @property
    def corners(self) -> tuple[Point, ...]:
        """Of the polygon."""
        return corners_of(self.polygon)


class CountingLineConfig(_Section, frozen=True):
    """A segment that counts who crosses it.

    Side A is on the left of the way from `from` to `to`, as one looks at the picture; B is on the
    right.

                      A                          to
           from -------------> to            A    ^    B
                      B                           |
                                                 from
    """

    from_: Point = msgspec.field(name="from")
    to: Point
    a_to_b: Direction = "in"  # what the crossing from side A to side B is called
    b_to_a: Direction = "out"
    labels: tuple[str, ...] = ()  # only these count; all when empty
    anchor: Literal["bottom", "center"] = "bottom"  # the point of a box whose path counts


class FilterConfig(_Section, frozen=True):
    """Which detections of a source are tracked and published."""

    ignore: Annotated[tuple[Polygon, ...], Meta(max_length=MOST_REGIONS)] = ()
    labels: tuple[str, ...] = ()  # only these; all when empty
    min_scores: dict[str, Share] = {}  # by label


Zones = Annotated[dict[str, ZoneConfig], Meta(max_length=MOST_REGIONS)]
Lines = Annotated[dict[str, CountingLineConfig], Meta(max_length=MOST_REGIONS)]
