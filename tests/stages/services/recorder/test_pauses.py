"""Since when what is seen of a camera may be kept."""

import pytest

from stages.services.archive.layout import NS
from stages.services.recorder.pauses import Pauses
from tests.stages.services.archive.files import SetClock


def test_those_that_were_switched_off_and_on_unseen_are_both() -> None:
    pauses = Pauses(["gate"])
    begun, ended = pauses.change(["yard"], 5 * NS, again=["gate", "barn"])
    assert begun == frozenset({"yard", "barn"})
    assert ended == frozenset({"gate", "barn"})
    assert [pauses.begin_ns(each) for each in ("gate", "yard", "barn")] == [5 * NS, 0, 5 * NS]


@pytest.mark.parametrize("step_s", [-3600, 3600, 55 * 365 * 24 * 3600])
def test_a_clock_that_is_set_changes_nothing_of_what_may_be_kept(step_s: int) -> None:
    clock = SetClock()
    on_ns = clock.unix_ns()
    pauses = Pauses(["gate"], {"yard": on_ns}, clock)
    pauses.change([], on_ns)
    clock.set(on_ns + step_s * NS)
    for camera in ("gate", "yard"):
        assert pauses.begin_ns(camera) == on_ns + step_s * NS
