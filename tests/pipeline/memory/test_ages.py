import numpy as np
import pytest

from pipeline.memory.ages import AGE_BUCKETS, AgeCounts, age_bucket, age_percentile_ms


def count(*ages_ms: float) -> AgeCounts:
    return np.bincount([age_bucket(age) for age in ages_ms], minlength=AGE_BUCKETS)


@pytest.mark.parametrize("age_ms", [0.05, 0.3, 7.0, 45.0, 900.0, 60_000.0])
def test_percentiles_of_the_age_are_known_within_their_bucket(age_ms: float) -> None:
    for percent in (1, 50, 99):
        found = age_percentile_ms(count(*[age_ms] * 10), percent)
        assert max(age_ms, 0.1) * 0.999 <= found <= max(age_ms, 0.1) * 1.19


def test_ages_beyond_the_last_bucket_are_counted_in_it() -> None:
    assert age_bucket(1e12) == AGE_BUCKETS - 1


def test_no_ages_have_no_percentile() -> None:
    assert np.isnan(age_percentile_ms(count(), 50))


def test_percentiles_split_a_mixture() -> None:
    mixture = count(*[5.0] * 98, 500.0, 500.0)
    assert age_percentile_ms(mixture, 50) < 6
    assert age_percentile_ms(mixture, 99) >= 500
