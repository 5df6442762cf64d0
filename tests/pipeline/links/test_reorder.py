from hypothesis import given
from hypothesis import strategies as st

from pipeline.links.parcel import Parcel
from pipeline.links.reorder import Reorder
from pipeline.memory.frame_ref import NO_FRAME, FrameRef
from tests.pipeline.frames import make_ref

LATER_NS = 10_000_000_000


class Order:
    """A Reorder, and the current generation of its one camera."""

    def __init__(self, passed: int = NO_FRAME) -> None:
        self.generation = 1
        self._reorder = Reorder([passed], self._is_current)

    def put(self, *refs: FrameRef, now_ns: int = 0) -> list[int]:
        """Frames that pass, in order; stale ones among them are left out."""
        for ref in refs:
            self._reorder.put(Parcel(ref, None), now_ns)
        return self.take(now_ns)

    def take(self, now_ns: int) -> list[int]:
        passed = [parcel.ref for parcel in self._reorder.take(now_ns)]
        return [ref.frame_id for ref in passed if self._is_current(ref)]

    def forget(self) -> None:
        self._reorder.forget(0)

    def _is_current(self, ref: FrameRef) -> bool:
        return ref.generation == self.generation


@given(st.permutations(range(8)))
def test_frames_pass_in_order_however_they_arrive(arrivals: list[int]) -> None:
    order = Order()
    passed = [frame for arrived in arrivals for frame in order.put(make_ref(arrived))]
    assert passed == list(range(8))


def test_a_dropped_frame_is_not_waited_for() -> None:
    order = Order()
    assert order.put(make_ref(0, lossless=False)) == [0]
    assert order.put(make_ref(5, lossless=False, after=0)) == [5]


def test_a_lossless_frame_waits_for_as_long_as_it_takes() -> None:
    order = Order()
    assert order.put(make_ref(1)) == []
    assert order.take(LATER_NS) == []
    assert order.put(make_ref(0), now_ns=LATER_NS) == [0, 1]


def test_a_live_frame_waits_for_a_bounded_time_and_is_not_waited_for_when_overtaken() -> None:
    order = Order()
    assert order.put(make_ref(1, lossless=False), make_ref(2, lossless=False)) == []
    assert order.take(LATER_NS) == [1, 2]
    assert order.put(make_ref(0, lossless=False), now_ns=LATER_NS) == [0]
    assert order.put(make_ref(3, lossless=False), now_ns=LATER_NS) == [3]


def test_who_gets_a_frame_that_has_waited_need_not_wait_again() -> None:
    reorder = Reorder([4], lambda ref: True)
    for frame in (6, 7):
        reorder.put(Parcel(make_ref(frame, lossless=False), None), 0)
    passed = [parcel.ref for parcel in reorder.take(LATER_NS)]
    assert [(ref.frame_id, ref.after) for ref in passed] == [(6, 4), (7, 6)]


def test_frames_that_are_sent_again_pass_in_order_and_their_old_copies_do_not_help() -> None:
    order = Order(passed=4)
    order.put(make_ref(6), make_ref(7), make_ref(8))  # 5 is lost with a killed replica
    order.generation = 2
    again = [make_ref(5, generation=2, after=8), *(make_ref(i, generation=2) for i in (6, 7, 8))]
    assert order.put(again[2]) == []  # the faster replica
    assert order.put(again[0]) == [5]
    assert order.put(again[1]) == [6, 7]
    assert order.put(again[3]) == [8]


def test_frames_that_passed_before_keep_their_order_when_they_are_sent_again() -> None:
    order = Order(passed=8)
    assert order.put(make_ref(7)) == []  # 6 first
    assert order.put(make_ref(6, after=8)) == [6, 7]


def test_a_restarted_sender_is_not_waited_for() -> None:
    order = Order(passed=4)
    assert order.put(make_ref(5, after=NO_FRAME)) == [5]
    assert order.put(make_ref(6)) == [6]


def test_a_restarted_reader_goes_on_after_what_its_predecessor_let_pass() -> None:
    order = Order(passed=4)
    assert order.put(make_ref(6)) == []
    assert order.put(make_ref(5)) == [5, 6]


def test_cameras_do_not_wait_for_each_other() -> None:
    reorder = Reorder([NO_FRAME, NO_FRAME], lambda ref: True)
    reorder.put(Parcel(make_ref(1, camera=0), None), 0)
    reorder.put(Parcel(make_ref(0, camera=1), None), 0)
    assert [parcel.ref.camera for parcel in reorder.take(0)] == [1]


def test_a_camera_that_comes_back_waits_for_no_frame_of_its_first_stay() -> None:
    order = Order()
    assert order.put(make_ref(0), make_ref(2)) == [0]
    order.forget()
    assert order.put(make_ref(9, after=NO_FRAME), make_ref(10)) == [9, 10]
