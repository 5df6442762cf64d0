"""Figures of merit against cases that can be reckoned by hand."""

import numpy as np
import pytest

from tests.benchmarks.tracking.metrics import Merit, Seen, judge

pytestmark = pytest.mark.bench

BOX = np.array([[0, 0, 10, 10]], np.float32)
FAR = BOX + 100
EMPTY = Seen(np.zeros(0, np.int64), np.zeros((0, 4), np.float32))


def seen(*ids: int) -> list[Seen]:
    """One object that stays, under these ids; 0 is nothing."""
    return [Seen(np.array([i]), BOX) if i else EMPTY for i in ids]


TRUTH = seen(7, 7, 7, 7)


def figures(merit: Merit) -> list[float]:
    return [merit.mean_hota, merit.mota, merit.idf1, merit.switches]


def test_a_perfect_tracker_has_a_hundred_of_everything() -> None:
    assert figures(judge(TRUTH, seen(3, 3, 3, 3))) == pytest.approx([100, 100, 100, 0])


def test_nothing_found_is_nothing() -> None:
    assert figures(judge(TRUTH, [EMPTY] * 4)) == pytest.approx([0, 0, 0, 0])


def test_a_switch_costs_as_each_figure_says() -> None:
    """Of four boxes two have the better id: IDF1 is a half; HOTA the root of it."""
    merit = judge(TRUTH, seen(1, 1, 2, 2))
    assert figures(merit) == pytest.approx([100 * 0.5**0.5, 75, 50, 1])


def test_a_gap_is_no_switch_and_a_return_under_another_id_is() -> None:
    assert judge(TRUTH, seen(1, 0, 0, 1)).switches == 0
    assert judge(TRUTH, seen(1, 0, 0, 2)).switches == 1


def test_boxes_on_nothing_cost_mota_and_idf1() -> None:
    wrong = [Seen(np.array([1, 9]), np.vstack([BOX, FAR])) for _ in range(4)]
    merit = judge(TRUTH, wrong)
    assert (merit.mota, merit.idf1) == pytest.approx((0, 100 * 8 / 12))


def test_a_match_is_kept_while_it_overlaps_enough() -> None:
    """A second track that overlaps better later takes nothing over."""
    near = BOX + np.array([2, 0, 2, 0], np.float32)
    tracked = [Seen(np.array([1]), BOX)] + [
        Seen(np.array([1, 2]), np.vstack([near, BOX])) for _ in range(3)
    ]
    assert judge(TRUTH, tracked).switches == 0


def test_switches_do_not_depend_on_who_else_is_tracked() -> None:
    """Lost alone for two frames, then found by the old track and, better, by a new one."""
    part = np.array([[0, 0, 10, 7]], np.float32)
    better = np.array([[0, 0, 10, 9]], np.float32)
    both = Seen(np.array([1, 3]), np.vstack([part, better]))
    tracked = [Seen(np.array([1]), BOX), EMPTY, EMPTY, both]

    def with_company(frames: list[Seen]) -> list[Seen]:
        return [
            Seen(np.append(frame.ids, 9), np.vstack([frame.boxes_xyxy, FAR])) for frame in frames
        ]

    alone = judge(TRUTH, tracked)
    together = judge(with_company(TRUTH), with_company(tracked))
    assert alone.switches == together.switches == 1
