import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import LineError
from pipeline.processes.cores import CoreWish, assign_cores, spare_core


def wish(name: str, *cores: int, heavy: bool = False, replica: int = 0) -> CoreWish:
    return CoreWish(name, heavy, cores, replica)


LIGHT = [wish("capture"), wish("preprocess"), wish("publish")]


def test_a_heavy_process_has_the_last_core_for_itself() -> None:
    cores = assign_cores([*LIGHT, wish("detect", heavy=True)], (0, 1, 2, 3))
    assert cores == {"detect": 3, "capture": 0, "preprocess": 1, "publish": 2}


def test_replicas_have_a_core_each_while_there_are_enough() -> None:
    replicas = [wish(f"detect.{i}", heavy=True, replica=i) for i in range(3)]
    assert assign_cores([*LIGHT, *replicas], (0, 1, 2, 3)) == {
        "detect.0": 3, "detect.1": 2, "detect.2": 1, "capture": 0, "preprocess": 0, "publish": 0,
    }  # fmt: skip


def test_one_core_is_shared_by_all() -> None:
    cores = assign_cores([*LIGHT, wish("detect", heavy=True)], (5,))
    assert set(cores.values()) == {5}


def test_two_cores_are_one_for_the_detector_and_one_for_the_rest() -> None:
    cores = dict(assign_cores([*LIGHT, wish("detect", heavy=True)], (0, 1)))
    assert cores.pop("detect") == 1
    assert set(cores.values()) == {0}


def test_configured_cores_are_dealt_to_replicas_in_turn() -> None:
    replicas = [wish(f"detect.{i}", 2, 3, heavy=True, replica=i) for i in range(3)]
    assert assign_cores(replicas, range(4)) == {"detect.0": 2, "detect.1": 3, "detect.2": 2}


def test_a_core_that_may_not_be_used_is_refused() -> None:
    with pytest.raises(LineError, match=r"cores: detect: expected one of .* \(0, 2\), got 1"):
        assign_cores([wish("detect", 1, heavy=True)], (0, 2))


wishes = st.lists(
    st.builds(lambda heavy, wanted: (heavy, wanted), st.booleans(), st.lists(st.integers(0, 7))),
    min_size=1, max_size=12,
)  # fmt: skip


@given(wishes, st.sets(st.integers(0, 7), min_size=1))
def test_each_process_has_one_core_that_it_may_use(
    wanted: list[tuple[bool, list[int]]], available: set[int]
) -> None:
    asked = [
        wish(f"p{i}", *[core for core in cores if core in available], heavy=heavy)
        for i, (heavy, cores) in enumerate(wanted)
    ]
    assigned = assign_cores(asked, sorted(available))
    assert assigned.keys() == {w.name for w in asked}
    assert set(assigned.values()) <= available


def test_one_more_light_process_has_the_core_with_the_fewest() -> None:
    assert spare_core([0, 0, 1, 3], heavy=[3], cores=(0, 1, 2, 3)) == 2
    assert spare_core([0, 1, 1, 2], heavy=[2], cores=(0, 1, 2)) == 0
    assert spare_core([0, 0], heavy=[0], cores=(0,)) == 0
