"""Tables of numbers in shared memory. One list of tables gives both the size and the mapping."""

import math
import mmap
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt


class Table(NamedTuple):
    """One array. Tables lie one after the other, so each must fill whole 8-byte words."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


def total_bytes(tables: Sequence[Table]) -> int:
    return sum(table.nbytes for table in tables)


def map_tables(
    memory: mmap.mmap, tables: Sequence[Table], offset: int = 0
) -> dict[str, npt.NDArray[Any]]:
    """The arrays by name; the first begins at `offset`. They can be written if `memory` can."""
    arrays = {}
    for table in tables:
        flat = np.frombuffer(memory, table.dtype, math.prod(table.shape), offset)
        arrays[table.name] = flat.reshape(table.shape)
        offset += table.nbytes
    return arrays
