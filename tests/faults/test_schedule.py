"""What comes when is chance, and the same chance for the same seed."""

import itertools
from collections import Counter

from tests.faults import schedule
from tests.faults.fault import Kill
from tests.faults.line_under_fire import KILLED


def some_rounds(seed: int) -> list[list[schedule.Turn]]:
    return list(itertools.islice(schedule.rounds(seed), 3))


def test_a_seed_gives_the_same_faults_again() -> None:
    assert some_rounds(5) == some_rounds(5)
    assert some_rounds(5) != some_rounds(6)
    assert schedule.last_round(5) == schedule.last_round(5)


def test_each_round_has_every_fault_in_another_order() -> None:
    first, second, third = some_rounds(5)
    kinds = [[turn.fault.kind for turn in pack] for pack in (first, second, third)]
    assert Counter(kinds[0]) == Counter(kinds[1]) == Counter(kinds[2])
    assert kinds[0] != kinds[1]
    for pack in (first, second, third):
        killed = [turn.fault.process for turn in pack if isinstance(turn.fault, Kill)]
        assert sorted(killed) == sorted(KILLED)


def test_a_kill_campaign_kills_each_process_as_often_as_wanted() -> None:
    faults = [turn.fault for pack in schedule.kills(5, times=4) for turn in pack]
    assert Counter(faults) == {Kill(name): 4 for name in KILLED}
