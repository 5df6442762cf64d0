"""Which unit reads which channel of a stage, and in which blocks they are therefore written."""

from functools import partial

import pytest

from models.export.channels import DEFAULT_BLOCK
from models.export.lifetime import (
    Value,
    choose_sparse,
    group_by_reader,
    merge_groups,
    plan_cost,
    trace_reads,
)

pytestmark = pytest.mark.torch


def test_reads_follow_the_channel_shuffle() -> None:
    # Four channels, two from each branch; unit 1 convolves the odd ones, unit 2 likewise.
    left, right = [Value(-1, 0), Value(-1, 1)], [Value(0, 0), Value(0, 1)]
    first, second, after = trace_reads(channels=4, left=2, units=3)
    assert first == [left[1], right[1]]
    assert second == [right[0], Value(1, 1)]
    assert after == [left[0], Value(1, 0), Value(2, 0), Value(2, 1)]


@pytest.mark.parametrize(("channels", "left", "units"), [(60, 30, 4), (120, 60, 8), (132, 24, 4)])
def test_every_channel_has_one_producer_and_one_reader(
    channels: int, left: int, units: int
) -> None:
    reads = trace_reads(channels, left, units)
    values = [value for read in reads for value in read]
    assert len(values) == len(set(values)) == channels + (units - 1) * channels // 2
    plans = [merge_groups(groups, DEFAULT_BLOCK) for groups in group_by_reader(reads).values()]
    assert sorted(v for plan in plans for block in plan for v in block) == sorted(values)


def test_small_groups_share_a_block() -> None:
    groups = [[Value(1, i) for i in range(count)] for count in (30, 15, 8, 4, 2, 1)]
    plan = merge_groups(groups, block=16)
    assert [len(block) for block in plan] == [30, 15, 15]
    apart, together = [[group] for group in groups], [groups]
    chosen = [groups[:1], groups[1:2], groups[2:]]
    cost = partial(plan_cost, block=16)
    assert cost(chosen) < min(cost(apart), cost(together))


@pytest.mark.parametrize(
    ("used", "widths", "sparse"),
    [
        ([64], [64], []),  # nothing to copy
        ([60, 30], [64, 32], []),  # one block less is not worth a copy of 96
        ([60, 30, 15, 8, 4, 2, 1], [64, 32, 16, 16, 16, 16, 16], [3, 4, 5, 6]),  # SNet49, stage 3
        ([3, 64, 3], [16, 64, 16], [0, 2]),  # in the order of the blocks
    ],
)
def test_half_empty_blocks_are_copied_where_that_pays(
    used: list[int], widths: list[int], sparse: list[int]
) -> None:
    assert choose_sparse(used, widths, block=16) == sparse
