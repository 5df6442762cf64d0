"""When coded pictures come out around a jump of their source's clock, and with which times."""

from functools import partial

from stages.readers.jump_wait import JumpWait

S = 1_000_000_000


class Kept:
    """What has come out: the number of a picture, and its time of the line in seconds."""

    def __init__(self) -> None:
        self.wait = JumpWait()
        self.out: list[tuple[int, float]] = []

    def put(self, number: int, at_s: float, shift_s: float = 0.0) -> None:
        self.wait.put(round(at_s * S), round(shift_s * S), partial(self._take, number))

    def _take(self, number: int, time_ns: int) -> None:
        self.out.append((number, time_ns / S))


def test_what_goes_on_comes_out_at_once() -> None:
    kept = Kept()
    for number, at_s in enumerate((7.0, 7.2, 7.04, 7.08, 7.3, 15.0)):
        kept.put(number, at_s, -7.0)
        assert kept.out[-1][0] == number
        assert not kept.wait.is_waiting
    assert [round(at_s, 2) for _, at_s in kept.out] == [0.0, 0.2, 0.04, 0.08, 0.3, 8.0]


def test_what_is_behind_a_jump_waits_for_its_frame() -> None:
    for jump_s in (-95_443.7, -0.6, 11.0):
        kept = Kept()
        kept.put(0, 100.0)
        kept.wait.see(100 * S, 0)
        kept.put(1, 100.04 + jump_s)
        kept.put(2, 100.08 + jump_s)
        assert kept.out == [(0, 100.0)]
        assert kept.wait.is_waiting
        kept.wait.see(round((100.04 + jump_s) * S), round(-jump_s * S))
        assert kept.out == [(0, 100.0), (1, 100.04), (2, 100.08)]
        kept.put(3, 100.12 + jump_s, -jump_s)
        assert kept.out[-1] == (3, 100.12)


def test_where_no_frame_comes_nothing_is_lost() -> None:
    """Of pictures that are passed over undecoded."""
    kept = Kept()
    kept.put(0, 100.0)
    for number in range(1, 200):
        kept.put(number, number * 0.04)
    assert [number for number, _ in kept.out] == list(range(200))
    kept.put(200, 1000.0)
    kept.wait.finish(0)
    assert kept.out[-1] == (200, 1000.0)
