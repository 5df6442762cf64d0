import pytest

from models.recipe import Recipe, ScheduleConfig, SizePhase
from models.schedule import input_size, rate_factor

pytestmark = pytest.mark.torch

TOTAL = 1000


def factors(schedule: ScheduleConfig, *iterations: int) -> list[float]:
    return [rate_factor(schedule, iteration, TOTAL) for iteration in iterations]


@pytest.mark.parametrize("kind", ["cosine", "step", "trapezoid", "linear"])
def test_warm_up_rises_to_the_peak(kind: str) -> None:
    schedule = ScheduleConfig(kind=kind, warmup=10)
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
