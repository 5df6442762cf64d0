"""Numbers of protobuf: seven bits a byte, the lowest first; all but the last have the eighth bit.

Most numbers of an exposition are small: they are looked up. Arrays of bytes take longer for the
some hundred numbers of a scrape.
"""

from collections.abc import Iterable

import numpy as np

from stages.services.metrics.histogram import Counts

_SHORT = [bytes((number,)) for number in range(0x80)]
_SHORT += [bytes((low | 0x80, high)) for high in range(1, 0x80) for low in range(0x80)]
_END = len(_SHORT)


def varint(number: int) -> bytes:
    """Of a number that is not negative."""
    if number < _END:
        return _SHORT[number]
    parts = bytearray()
    while number >= 0x80:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def varints(numbers: Iterable[int]) -> list[bytes]:
    """Of each of many numbers."""
    return [_SHORT[number] if number < _END else varint(number) for number in numbers]


def zigzag(number: int) -> int:
    """Of a small number a small one, whatever its sign."""
    return number << 1 if number >= 0 else (-number << 1) - 1


def zigzags(numbers: Counts) -> Counts:
    """The same of many."""
    found: Counts = (numbers << 1) ^ (numbers >> np.int64(63))
    return found
