"""What zones and lines share: whom they let in, and whether they are the same as before."""

import zlib
from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec

from stages.events.config import ZoneConfig

Counts: TypeAlias = dict[str, int]  # by label


def class_ids(wanted: Sequence[str], labels: Sequence[str]) -> frozenset[int]:
    """The classes of the wanted labels; all where none is named."""
    return frozenset(i for i, label in enumerate(labels) if not wanted or label in wanted)


def fingerprint(*shape: Any) -> int:
    """A number that tells one shape from another."""
    return zlib.crc32(msgspec.msgpack.encode(shape))


def shape_of(zone: ZoneConfig) -> int:
    """A number that is another one when the zone lies elsewhere, or has another anchor."""
    return fingerprint(zone.corners, zone.anchor)
