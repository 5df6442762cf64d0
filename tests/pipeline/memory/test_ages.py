import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.memory.ages import (
    AGE_BUCKETS,
    AGE_FLOOR_LOG2_S,
    AGE_SCHEMA,
    AgeCounts,
    age_bucket,
    age_percentile_ms,
    format_age,
)

ERROR = 0.022  # as the module promises


def count(*ages_ms: float) -> AgeCounts:
    return np.bincount([age_bucket(age) for age in ages_ms], minlength=AGE_BUCKETS)


@given(
    st.lists(st.floats(0.1, 6_000_000.0, exclude_min=True), min_size=1, max_size=200),
    st.sampled_from([0.5, 1, 25, 50, 90, 99, 99.9, 100]),
)
def test_a_percentile_is_that_of_numpy_within_the_error(
    ages_ms: list[float], percent: float
) -> None:
    right = float(np.percentile(ages_ms, percent, method="inverted_cdf"))
    assert age_percentile_ms(count(*ages_ms), percent) == pytest.approx(right, rel=ERROR)


def test_percentiles_of_a_live_camera_are_right_within_the_error() -> None:
    ages_ms = np.random.default_rng(1).lognormal(np.log(12.0), 0.5, 10_000)
    counts = count(*ages_ms.tolist())
    for percent in (1, 50, 99):
        right = np.percentile(ages_ms, percent)
        assert age_percentile_ms(counts, percent) == pytest.approx(right, rel=ERROR)


@given(st.floats(0.0, 1000 * 2.0**AGE_FLOOR_LOG2_S))
def test_the_smallest_ages_are_right_within_the_first_bucket(age_ms: float) -> None:
    assert age_percentile_ms(count(age_ms), 50) == pytest.approx(age_ms, abs=0.062)


@pytest.mark.parametrize("log2_s", [-14, -7, 0, 3, 12])
def test_powers_of_two_are_edges(log2_s: int) -> None:
    edge_ms = 1000 * 2.0**log2_s
    bucket = (log2_s - AGE_FLOOR_LOG2_S) << AGE_SCHEMA
    assert age_bucket(edge_ms) == bucket
    assert age_bucket(edge_ms * 1.0001) == bucket + 1


def test_ages_beyond_the_last_bucket_are_counted_in_it() -> None:
    assert age_bucket(1e12) == AGE_BUCKETS - 1


def test_no_ages_have_no_percentile() -> None:
    assert np.isnan(age_percentile_ms(count(), 50))
    assert format_age(count(), 50) == "-"


@pytest.mark.parametrize(
    ("age_ms", "text"),
    [(1.23, "1.2 ms"), (12.0, "12 ms"), (123.0, "120 ms"), (1234.0, "1.2 s"), (819.2, "820 ms"),
     (121_000.0, "120 s")],
)  # fmt: skip
def test_an_age_is_told_in_the_digits_that_are_known(age_ms: float, text: str) -> None:
    assert format_age(count(age_ms), 100) == text
