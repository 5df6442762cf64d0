import itertools

import pytest

from stages.readers.lag import CatchUp, LagMeter

MS = 1_000_000
S = 1_000_000_000
FRAME_NS = 40 * MS


def measure(
    meter: LagMeter, delays_ms: list[int], start_s: int = 1000, *, idle: bool = True
) -> list[int]:
    """Lags in ms of frames at 25 fps that arrive so long after their time."""
    lags = []
    for number, delay_ms in enumerate(delays_ms):
        pts_ns = number * FRAME_NS
        arrived_ns = start_s * S + pts_ns + delay_ms * MS
        lags.append(round(meter.measure(pts_ns, arrived_ns, idle=idle) / MS))
    return lags


def test_a_steady_stream_has_no_lag() -> None:
    assert measure(LagMeter(), [70] * 50) == [0] * 50


def test_what_queues_is_late_by_the_stream_s_own_clock() -> None:
    assert measure(LagMeter(), [5, 5, 100, 900, 2000], idle=False) == [0, 0, 95, 895, 1995]


def test_lag_is_gone_when_the_queue_is() -> None:
    assert measure(LagMeter(), [5, 500, 1000, 5, 5], idle=False)[-2:] == [0, 0]


def test_a_camera_clock_that_drifts_makes_no_lag() -> None:
    """60 ppm fast or slow for two hours."""
    for drift in (-60e-6, 60e-6):
        meter, worst = LagMeter(), 0
        for number in range(2 * 3600):
            pts_ns = round(number * S * (1 + drift))
            worst = max(worst, meter.measure(pts_ns, number * S, idle=False))
        assert worst < 5 * MS


def test_a_bad_clock_is_followed_while_frames_are_waited_for() -> None:
    """Half a per cent slow; nothing queues, as the reader knows."""
    meter = LagMeter()
    lags = [meter.measure(round(n * S * 0.995), n * S, idle=True) for n in range(3600)]
    assert max(lags) < 20 * MS


@pytest.mark.parametrize("step_s", [-3600, -2, 3600])
def test_a_clock_that_is_set_is_no_lag(step_s: int) -> None:
    meter = LagMeter()
    for number in range(100):
        pts_ns = 5000 * S + number * FRAME_NS + (step_s * S if number >= 50 else 0)
        assert meter.measure(pts_ns, 9000 * S + number * FRAME_NS, idle=False) == 0


class Stream:
    """A stream of which `rate` of the time that it lasts is needed to decode it."""

    def __init__(self, load: float, key_every: int = 25) -> None:
        self._catch_up, self._meter = CatchUp(), LagMeter()
        self._load, self._key_every = load, key_every
        self._now_ns = 0

    def run(self, frames: int) -> list[tuple[bool, int]]:
        """Whether each frame is passed over, and how late it is read."""
        found = []
        for number in range(frames):
            sent_ns = number * FRAME_NS
            waited_ns = max(sent_ns - self._now_ns, 0)
            idle = waited_ns > 0
            self._now_ns = max(self._now_ns, sent_ns)
            lag_ns = self._meter.measure(sent_ns, self._now_ns, idle=idle)
            is_key = number % self._key_every == 0
            skipped = self._catch_up.skips(lag_ns, self._now_ns, waited_ns, is_key=is_key)
            found.append((skipped, self._now_ns - sent_ns))
            self._now_ns += 0 if skipped else round(FRAME_NS * self._load)
        return found


def test_a_decoder_that_keeps_up_passes_nothing_over() -> None:
    assert not any(skipped for skipped, _ in Stream(0.95).run(5000))


@pytest.mark.parametrize("load", [1.2, 2.0, 8.0])
@pytest.mark.parametrize("key_every", [1, 25, 100])
def test_a_decoder_that_is_too_slow_stays_near_the_newest_frame(
    load: float, key_every: int
) -> None:
    found = Stream(load, key_every).run(10_000)
    decoded = [late_ns for skipped, late_ns in found if not skipped]
    # One second to notice, one to be sure, at up to eight times as long for each frame.
    assert max(decoded) < 3 * S
    assert len(decoded) >= 10_000 / load / 2 / (1 + key_every / 50)


def test_after_a_gap_decoding_goes_on_at_a_key_frame() -> None:
    found = Stream(2.0).run(3000)
    resumed = [
        number
        for number, ((before, _), (now, _)) in enumerate(itertools.pairwise(found), start=1)
        if before and not now
    ]
    assert resumed
    assert all(number % 25 == 0 for number in resumed)


def test_a_burst_that_is_decoded_in_no_time_loses_nothing() -> None:
    """A network that held everything back for three seconds."""
    catch_up, meter = CatchUp(), LagMeter()
    meter.measure(0, 0, idle=True)
    for number in range(75):
        arrived_ns = 3 * S + number * 2 * MS
        lag_ns = meter.measure(number * FRAME_NS, arrived_ns, idle=False)
        assert not catch_up.skips(lag_ns, arrived_ns, 0, is_key=False)


def test_pictures_that_are_late_on_their_way_are_not_passed_over() -> None:
    """From some moment on, all come three seconds later, and each is waited for."""
    catch_up, meter = CatchUp(), LagMeter()
    for number in range(5000):
        delay_ns = 0 if number < 100 else 3 * S
        arrived_ns = number * FRAME_NS + delay_ns
        lag_ns = meter.measure(number * FRAME_NS, arrived_ns, idle=True)
        is_key = number % 25 == 0
        assert not catch_up.skips(lag_ns, arrived_ns, FRAME_NS * 3 // 4, is_key=is_key)


def test_pictures_that_stay_late_are_shown_again_once_the_queue_is_gone() -> None:
    catch_up = CatchUp()
    now_ns = 0
    while not catch_up.skips(9 * S, now_ns, 0, is_key=False):
        now_ns += FRAME_NS
    for late_s in (8, 7, 6, 5):  # a second of the stream is read in 50 ms
        now_ns += 50 * MS
        assert catch_up.skips(late_s * S, now_ns, 40 * MS, is_key=True)
    assert not catch_up.skips(5 * S, now_ns + S, S - MS, is_key=True)
