import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.memory.times import TIME_BUCKETS, TIME_FLOOR_LOG2_S, TIME_SCHEMA, time_bucket

EDGES_S = [2 ** (i / (1 << TIME_SCHEMA) + TIME_FLOOR_LOG2_S) for i in range(TIME_BUCKETS)]


@given(st.integers(1000, 30_000_000_000))
def test_a_time_is_within_the_edges_of_its_bucket(time_ns: int) -> None:
    bucket = time_bucket(time_ns)
    assert EDGES_S[bucket - 1] * (1 - 1e-12) < time_ns / 1e9 <= EDGES_S[bucket] * (1 + 1e-12)


@pytest.mark.parametrize(("time_ns", "bucket"), [(0, 0), (900, 0), (10**15, TIME_BUCKETS - 1)])
def test_times_beyond_the_edges_are_counted_in_the_outermost_buckets(
    time_ns: int, bucket: int
) -> None:
    assert time_bucket(time_ns) == bucket
