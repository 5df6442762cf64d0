"""Zones, counting lines and ignored parts of one camera's picture, and what was counted there.

This file needs no OpenCV, so a process that only hands them on does not load it.
"""

from collections.abc import Mapping

import msgspec

Place = tuple[float, float]  # x and y as shares of the picture's width and height


class Zone(msgspec.Struct, frozen=True):
    name: str
    polygon: tuple[Place, ...]


class CountingLine(msgspec.Struct, frozen=True):
    """A segment, and what its two directions are called."""

    name: str
    start: Place
    end: Place
    a_to_b: str
    b_to_a: str


class Regions(msgspec.Struct, frozen=True):
    """Of one camera."""

    zones: tuple[Zone, ...] = ()
    lines: tuple[CountingLine, ...] = ()
    ignored: tuple[tuple[Place, ...], ...] = ()


class Counts(msgspec.Struct, frozen=True):
    """How many are inside now, by the name of the zone; how many crossed, by that of the line and
    then of the direction."""

    inside: Mapping[str, int] = {}
    crossed: Mapping[str, Mapping[str, int]] = {}


NO_COUNTS = Counts()
