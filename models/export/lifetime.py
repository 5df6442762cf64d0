"""Which unit reads which channel of a ShuffleNetV2 stage: the channel shuffle, resolved at export.

A stride-1 unit convolves the odd channels and passes the even ones on, so every channel waits
until some later unit reads it. Followed through the stage, each channel has one producer and one
reader. If a producer writes its channels in blocks, one per reader or per few readers, a unit's
input is a plain Concat of blocks: no Transpose and no Gather. The values are the same but for the
order in which they are summed.

Figures: C channels, U units, the first of stride 2 with a left and a right branch.
"""

from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from models.export.channels import pad_count

# What a convolution costs besides its channels, in channels that are written or read: a 1x1
# convolution of 16 outputs took half the time of one with 64.
BLOCK_COST = 24

# How many outputs read what leaves a stage, by the channels that do: the next stage's two branches
# at least, in SNet49 conv5 or CEM too.
OUTPUTS_PER_CHANNEL = 2
# What a copy costs besides its products, in channels that are read.
COPY_COST = 32

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
    state = [Value(LEFT, i) for i in range(left)]
    state += [Value(RIGHT, i) for i in range(channels - left)]
    reads = []
    for unit in range(1, units):
        reads.append(state[1::2])
        state = state[0::2] + [Value(unit, i) for i in range(channels // 2)]
    return [*reads, state]


def group_by_reader(reads: list[list[Value]]) -> dict[int, list[list[Value]]]:
    """The channels of every producer in groups of one reader each, earliest reader first."""
    groups: dict[int, list[list[Value]]] = defaultdict(list)
    for values in reads:
        of_producer: dict[int, list[Value]] = defaultdict(list)
        for value in values:
            of_producer[value.producer].append(value)
        for producer, group in of_producer.items():
            groups[producer].append(group)
    return dict(groups)


def merge_groups(groups: list[list[Value]], block: int) -> list[list[Value]]:
    """The cheapest blocks that hold the groups of one producer.

    Channels that wait long come in groups of 8, 4, 2, 1, and each group alone would be padded to a
    whole block. A block of several groups has less padding but is read, in part with zero weights,
    by the reader of each.
    """
    best = min(split_into_runs(groups), key=partial(plan_cost, block=block))
    return [[value for group in run for value in group] for run in best]


def plan_cost(runs: list[list[list[Value]]], block: int) -> int:
    """Time of a plan, in channels written once and read once by each reader."""
    return sum(BLOCK_COST + pad_count(sum(map(len, run)), block) * (1 + len(run)) for run in runs)


def split_into_runs(groups: list[list[Value]]) -> Iterator[list[list[list[Value]]]]:
    """Every way to cut a sequence into runs: no more than 128 for the longest stage of SNet."""
    if not groups:
        yield []
    for end in range(1, len(groups) + 1):
        for rest in split_into_runs(groups[end:]):
            yield [groups[:end], *rest]


def choose_sparse(used: list[int], widths: list[int], block: int) -> list[int]:
    """Which of the blocks that leave a stage to copy into full ones; none if that does not pay.

    Args:
        used: how many channels of each block leave the stage.
        widths: how many each has, padding and others included.
    """
    outputs = OUTPUTS_PER_CHANNEL * sum(used)
    order = sorted(range(len(used)), key=lambda index: used[index] / widths[index])

    def gain(count: int) -> int:
        """Multiply-accumulates of a cell that copying the `count` emptiest blocks saves."""
        width = sum(widths[index] for index in order[:count])
        full = pad_count(sum(used[index] for index in order[:count]), block)
        return (width - full) * outputs - (width + COPY_COST) * full

    return sorted(order[: max(range(len(order) + 1), key=gain)])
