"""What a ring's file holds.

header (JSON, padded) | generation | frame_ids | times | released | finished | dropped | stamps |
page-aligned slots
"""

import json
import math
import mmap
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from pipeline.errors import LineError
from pipeline.memory.tables import Table, total_bytes

HEADER_BYTES = 4096
ALIGN = 64  # one cache line: two areas never share one
_PAGE = mmap.PAGESIZE


class AreaSpec(NamedTuple):
    """Shape and type of one part of a slot, for example the pixels or the network's input."""

    shape: tuple[int, ...]
    dtype: str

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


class RingLayout(NamedTuple):
    """Everything that determines the bytes of a ring; its JSON is the ring's header.

    `columns` are the stages that may hold a slot; `branches` the column indices along each path
    from the camera to an end of the graph. `lossless` says whether each frame of the
    source counts.
    """

    slots: int
    areas: Mapping[str, AreaSpec]
    columns: Sequence[str]
    branches: Sequence[Sequence[int]]
    lossless: bool = True

    @property
    def control_tables(self) -> tuple[Table, ...]:
        columns = len(self.columns)
        return (
            Table("generation", "u8", (self.slots,)),
            Table("frame_ids", "u8", (self.slots,)),
            Table("times", "u8", (self.slots, 2)),  # pts_ns, captured_unix_ns
            Table("released", "u8", (self.slots, columns)),
            Table("finished", "u8", (self.slots, columns)),
            Table("dropped", "u8", (self.slots, columns)),
            Table("stamps", "u8", (self.slots, columns)),
        )

    @property
    def slot_bytes(self) -> int:
        return round_up(sum(round_up(a.nbytes, ALIGN) for a in self.areas.values()), _PAGE)

    @property
    def first_slot(self) -> int:
        return round_up(HEADER_BYTES + total_bytes(self.control_tables), _PAGE)

    @property
    def total_bytes(self) -> int:
        return self.first_slot + self.slots * self.slot_bytes

    def to_header(self) -> bytes:
        header = json.dumps({**self._asdict(), "areas": dict(self.areas)}).encode()
        if len(header) > HEADER_BYTES:
            raise LineError(f"ring header: expected at most {HEADER_BYTES} bytes, {len(header)}")
        return header.ljust(HEADER_BYTES)

    @classmethod
    def from_header(cls, header: bytes) -> "RingLayout":
        fields = json.loads(header)
        areas = {name: AreaSpec(tuple(a[0]), a[1]) for name, a in fields["areas"].items()}
        return cls(
            fields["slots"], areas, fields["columns"], fields["branches"], fields["lossless"]
        )


def round_up(value: int, unit: int) -> int:
    return -(-value // unit) * unit
