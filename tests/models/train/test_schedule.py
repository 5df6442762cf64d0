import msgspec
import pytest

from models.data.augment import AugmentConfig
from models.errors import ConfigError
from models.train.recipe import Recipe, ScheduleConfig, SizePhase
from models.train.schedule import augmentation, input_size, rate_factor

pytestmark = pytest.mark.torch

TOTAL = 1000


def factors(schedule: ScheduleConfig, *iterations: int) -> list[float]:
    return [rate_factor(schedule, iteration, TOTAL) for iteration in iterations]


@pytest.mark.parametrize("kind", ["cosine", "step", "trapezoid", "linear"])
def test_warm_up_rises_to_the_peak(kind: str) -> None:
    schedule = msgspec.convert({"kind": kind, "warmup": 10}, ScheduleConfig)
    assert factors(schedule, 0, 5) == pytest.approx([0.1, 0.55])


def test_cosine_falls_from_peak_to_final() -> None:
    schedule = ScheduleConfig(kind="cosine", warmup=0, final=0.02)
    assert factors(schedule, 0, 500, TOTAL) == pytest.approx([1.0, 0.51, 0.02])


def test_linear_falls_evenly() -> None:
    schedule = ScheduleConfig(kind="linear", warmup=0, final=0.0)
    assert factors(schedule, 0, 250, 500, TOTAL) == pytest.approx([1.0, 0.75, 0.5, 0.0])


def test_steps_are_tenths() -> None:
    schedule = ScheduleConfig(kind="step", warmup=0, milestones=(0.5, 0.75))
    assert factors(schedule, 499, 500, 749, 750) == pytest.approx([1, 0.1, 0.1, 0.01])


def test_trapezoid_is_flat_and_then_falls() -> None:
    schedule = ScheduleConfig(kind="trapezoid", warmup=0, decay_from=0.6, final=0.0)
    assert factors(schedule, 0, 300, 600, 800, TOTAL) == pytest.approx([1, 1, 1, 0.5, 0])


def test_input_size_changes_at_its_part_of_the_run() -> None:
    sizes = (SizePhase(size=64, until=0.5), SizePhase(size=96, until=1.0))
    recipe = Recipe(iterations=10, sizes=sizes)
    assert [input_size(recipe, i) for i in (0, 4, 5, 9)] == [64, 64, 96, 96]


def test_a_phase_has_its_own_zoom_and_mosaics_and_leaves_all_else() -> None:
    last = SizePhase(size=64, until=1.0, zoom=(0.8, 1.2), mosaic=0.0)
    usual = AugmentConfig(flip=0.0, zoom=(0.5, 2.0), mosaic=0.3)
    recipe = Recipe(iterations=10, sizes=(SizePhase(size=64, until=0.5), last), augment=usual)
    changes = [augmentation(recipe, i) for i in (0, 4, 5, 9)]
    assert [change.zoom for change in changes] == [(0.5, 2.0)] * 2 + [(0.8, 1.2)] * 2
    assert [change.mosaic for change in changes] == [0.3] * 2 + [0.0] * 2
    assert {change.flip for change in changes} == {0.0}


def test_a_phase_with_an_impossible_augmentation_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"sizes.zoom: expected 0 < low <= high, got \[2"):
        SizePhase(size=64, until=1.0, zoom=(2.0, 1.0))
    with pytest.raises(ConfigError, match=r"sizes.mosaic: expected 0 to 1, got -1"):
        SizePhase(size=64, until=1.0, mosaic=-1.0)
