"""How many are inside, as far as events tell, of a zone that is moved while the line runs."""

import pytest

from stages.services.mqtt.camera_states import Totals
from stages.services.mqtt.plan import CameraPlan

HERE, THERE = CameraPlan("yard", zones={"lawn": 1}), CameraPlan("yard", zones={"lawn": 2})
ENTER, LEAVE, DWELL = "zone_enter", "zone_leave", "zone_dwell"


def totals_of(inside: int) -> Totals:
    totals = Totals("k3x9").planned(HERE)
    totals.hear_inside("lawn", ENTER, inside)
    return totals


def test_a_zone_that_is_moved_is_empty_and_one_that_stays_is_not() -> None:
    totals = totals_of(2)
    assert totals.planned(HERE).inside == {"lawn": 2}
    assert totals.planned(THERE).inside == {}
    assert totals.planned(THERE).planned(HERE).inside == {}


@pytest.mark.parametrize(
    "late",
    [
        [],
        [(ENTER, 3)],
        [(DWELL, 2), (LEAVE, 1)],
        [(LEAVE, 1), (LEAVE, 0)],
        [(LEAVE, 1), (ENTER, 2), (ENTER, 3)],
    ],
    ids=str,
)
def test_events_of_the_old_place_that_come_after_the_move_tell_of_nobody(
    late: list[tuple[str, int]],
) -> None:
    totals = totals_of(2).planned(THERE)
    for kind, inside in late:
        totals.hear_inside("lawn", kind, inside)
        assert totals.inside.get("lawn", 0) == 0
    for kind, inside in [(ENTER, 1), (ENTER, 2), (DWELL, 2), (LEAVE, 1)]:
        totals.hear_inside("lawn", kind, inside)
        assert totals.inside["lawn"] == inside


def test_a_zone_that_is_moved_twice_forgets_who_was_in_either_place() -> None:
    totals = totals_of(2).planned(THERE).planned(CameraPlan("yard", zones={"lawn": 3}))
    totals.hear_inside("lawn", LEAVE, 1)
    assert totals.inside == {}
    totals.hear_inside("lawn", ENTER, 1)
    assert totals.inside == {"lawn": 1}
