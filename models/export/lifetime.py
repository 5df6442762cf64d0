"""Who reads which channel of a ShuffleNetV2 stage: the channel shuffle, resolved at export.

A stride-1 unit convolves the odd channels and passes the even ones on, so every channel waits
until some later unit reads it. Followed through the stage, each channel has one producer and one
reader. If a producer writes its channels in one block per reader, a unit's input is a plain Concat
of blocks: no Transpose, no Gather, and the values are the same to the last bit of rounding.

Figures: C channels, U units, the first of stride 2 with a left and a right branch.
"""

from collections import defaultdict
from typing import NamedTuple

LEFT, RIGHT = -1, 0  # producers of the stride-2 unit; unit k >= 1 is producer k


class Value(NamedTuple):
    """One channel on its way through a stage."""

    producer: int
    channel: int  # of the producer's output


def trace_reads(channels: int, left: int, units: int) -> list[list[Value]]:
    """What units 1 .. U-1 convolve, in the order of their weights, and last what leaves the stage.

    Args:
        left: how many of the stride-2 unit's outputs come from its left branch.
    """
    state = [Value(LEFT, i) for i in range(left)] + [
        Value(RIGHT, i) for i in range(channels - left)
    ]
    reads = []
    for unit in range(1, units):
        reads.append(state[1::2])
        state = state[0::2] + [Value(unit, i) for i in range(channels // 2)]
    return [*reads, state]


def group_by_reader(reads: list[list[Value]]) -> dict[int, list[list[Value]]]:
    """The blocks of every producer, earliest reader first."""
    blocks: dict[int, list[list[Value]]] = defaultdict(list)
    for values in reads:
        by_producer: dict[int, list[Value]] = defaultdict(list)
        for value in values:
            by_producer[value.producer].append(value)
        for producer, block in by_producer.items():
            blocks[producer].append(block)
    return dict(blocks)
