"""Numbers of protobuf, as its own package writes them."""

import numpy as np
import pytest
from google.protobuf.internal import encoder, wire_format

from stages.services.metrics.varint import varint, varints, zigzag, zigzags

BITS = range(7, 63, 7)
EDGES = [(1 << bits) + step for bits in BITS for step in (-1, 0, 1)]
NUMBERS = [0, 1, *EDGES, (1 << 62) - 1]


def write(number: int) -> bytes:
    parts: list[bytes] = []
    encoder._EncodeVarint(parts.append, number)
    return b"".join(parts)


@pytest.mark.parametrize("number", [*NUMBERS, (1 << 63) - 1])
def test_a_number_is_written_as_by_the_package(number: int) -> None:
    assert varint(number) == write(number)


def test_many_numbers_are_written_as_one_by_one() -> None:
    assert varints(NUMBERS) == [varint(number) for number in NUMBERS]
    assert varints([]) == []


def test_small_numbers_of_either_sign_stay_small() -> None:
    signed = [number * sign for number in NUMBERS for sign in (1, -1)]
    expected = [wire_format.ZigZagEncode(number) for number in signed]
    assert [zigzag(number) for number in signed] == expected
    assert zigzags(np.array(signed, np.int64)).tolist() == expected
