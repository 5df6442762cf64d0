from stages.readers.decoding.frame_clock import FrameClock


def test_times_of_showing_are_taken_where_they_are_in_order() -> None:
    clock = FrameClock()
    assert [clock.stamp(pts, pts + 2) for pts in (1, 2, 3, 10)] == [1, 2, 3, 10]


def test_times_that_go_back_are_not_those_of_showing() -> None:
    clock = FrameClock()
    shown = [clock.stamp(pts, dts) for pts, dts in [(1, 2), (3, 3), (2, 4), (6, 5), (5, 6)]]
    assert shown == [1, 3, 4, 5, 6]


def test_a_container_of_times_of_sending_is_believed_no_other() -> None:
    clock = FrameClock(sent_times=True)
    assert [clock.stamp(1, 2), clock.stamp(3, 3), clock.stamp(2, None)] == [2, 3, 4]


def test_a_frame_may_have_no_time() -> None:
    clock = FrameClock()
    assert clock.stamp(None, None) is None
    assert clock.stamp(None, 4) == 4
    assert clock.stamp(7, None) == 7
