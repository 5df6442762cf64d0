"""The loop of a source's process, with a scripted source and the test as the rest of the line."""

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.loops.backoff import Backoff
from pipeline.memory.cameras import CameraState
from pipeline.memory.counters import DropReason
from pipeline.memory.frame_ref import FrameRef
from pipeline.memory.ring import ring_path
from pipeline.memory.space import ShmSpaceError
from pipeline.realtime import monotonic_ns
from pipeline.source import (
    EndOfSource,
    Geometry,
    GeometryChanged,
    SourceDenied,
    SourceError,
    SourceStalled,
)
from tests.log_lines import hear
from tests.pipeline.feed import SLOTS, Feeds
from tests.running_line import PATIENCE_S, wait_until


@pytest.fixture
def feeds(short_dir: Path) -> Iterator[Feeds]:
    feeds = Feeds(short_dir)
    yield feeds
    feeds.close()


def frames(refs: list[FrameRef]) -> list[int]:
    return [ref.frame_id for ref in refs]


def test_a_lossless_source_waits_for_free_slots(feeds: Feeds) -> None:
    feed = feeds.start((5, 3), 10)
    assert frames(feed.wait_for(SLOTS)) == [0, 1, 2, 3]
    assert len(feed.wait_for(SLOTS)) == SLOTS
    feed.finish(feed.refs[2])
    assert frames(feed.wait_for(SLOTS + 1))[-1] == 4
    assert feed.refs[-1].slot == feed.refs[2].slot
    feed.serve_until_end()
    assert frames(feed.refs) == list(range(10))
    assert feeds.ledger.camera(0).state is CameraState.ENDED
    assert not any(feeds.ledger.drops(0).values())


def test_a_live_source_drops_what_finds_no_slot(feeds: Feeds) -> None:
    """One slot is left for the frame that is being read."""
    feed = feeds.start((5, 3), 10, lossless=False)
    wait_until(lambda: feed.drops(DropReason.RING_FULL) == 10 - (SLOTS - 1), "the rest is dropped")
    assert frames(feed.wait_for(SLOTS - 1)) == [0, 1, 2]
    feed.serve_until_end()
    assert feeds.ledger.counts(0, 0).frames == 10


def test_a_slot_that_comes_free_while_a_live_frame_is_awaited_is_found(feeds: Feeds) -> None:
    waits, arrives = threading.Event(), threading.Event()

    def moments() -> Iterator[int]:
        yield from range(SLOTS - 1)
        waits.set()
        arrives.wait(PATIENCE_S)
        yield SLOTS

    feed = feeds.start((5, 3), SLOTS, lossless=False, pts_ns=moments())
    feed.wait_for(SLOTS - 1)
    assert waits.wait(PATIENCE_S), "the last frame goes into the last slot"
    feed.finish(feed.refs[0])
    arrives.set()
    feed.serve_until_end()
    assert frames(feed.refs) == list(range(SLOTS))
    assert feed.drops(DropReason.RING_FULL) == 0


def test_what_some_branch_still_needs_is_sent_again_when_asked(feeds: Feeds) -> None:
    feed = feeds.start((5, 3), 8)
    first = list(feed.wait_for(SLOTS))
    feed.finish(first[0])
    feed.wait_for(SLOTS + 1)  # 4, in the slot of 0
    feeds.ledger.supervisor_writer().request_replay()
    again = feed.wait_for(2 * SLOTS + 1)[SLOTS + 1 :]
    assert frames(again) == [1, 2, 3, 4]
    assert [ref.slot for ref in again] == [
        first[1].slot,
        first[2].slot,
        first[3].slot,
        first[0].slot,
    ]
    assert not any(feed.ring().is_current(ref) for ref in first)
    assert all(feed.ring().is_current(ref) for ref in again)
    feed.serve_until_end()
    assert sorted(set(frames(feed.refs))) == list(range(8))


def test_a_change_of_size_begins_an_epoch_when_all_frames_are_through(feeds: Feeds) -> None:
    feed = feeds.start((5, 3), 2, GeometryChanged(Geometry(7, 2)), 2)
    feed.wait_for(2)
    old = feed.ring()
    assert old.slots[0]["frame"].shape == (3, 5, 3)
    feed.serve_until_end()
    assert [(ref.frame_id, ref.epoch) for ref in feed.refs] == [(0, 1), (1, 1), (2, 2), (3, 2)]
    assert not old.path.exists()
    assert feeds.ledger.camera(0).size_wh == (7, 2)
    assert feeds.source.first_frames == [0]  # it is not opened again


def test_times_of_an_epoch_increase_whatever_the_source_says(feeds: Feeds) -> None:
    """A network camera may begin with the same time twice, and a clock may be set back."""
    ms = 1_000_000
    feed = feeds.start((5, 3), SLOTS, pts_ns=[0, 0, 7_000 * ms, 80 * ms])
    feed.wait_for(SLOTS)
    ring = feed.ring()
    times_ms = [int(ring.times[ref.slot, 0]) // ms for ref in feed.refs]
    assert times_ms == [0, 40, 7_000, 14_000], "the interval is guessed, and then known by one"
    feed.serve_until_end()


def test_a_live_source_that_fails_is_opened_again(feeds: Feeds) -> None:
    failure = SourceError("rtsp://u:S3cret@cam: gone")
    feed = feeds.start(failure, failure, (5, 3), 2, failure, (5, 3), 2, lossless=False)
    feed.serve_until_end()
    assert frames(feed.refs) == [0, 1, 2, 3]
    assert [ref.epoch for ref in feed.refs] == [1, 1, 2, 2]
    assert feeds.source.first_frames == [0, 0, 0, 2]


def test_a_failing_source_says_why_without_its_password(feeds: Feeds) -> None:
    feed = feeds.start(*[SourceError("rtsp://u:S3cret@cam: gone")] * 1000, lossless=False)
    wait_until(lambda: feeds.ledger.camera(0).why != "", "it says why")
    state, _, why = feeds.ledger.camera(0).status
    assert (state, why) == (CameraState.CONNECTING, "rtsp://***@cam: gone")
    feed.close()


def test_a_source_that_delivers_nothing_new_is_stalled_until_a_frame_is_there(feeds: Feeds) -> None:
    feed = feeds.start(SourceStalled("silent"), (5, 3), 2, lossless=False, retry_s=0.3)
    wait_until(lambda: feeds.ledger.camera(0).state is CameraState.STALLED, "it is stalled")
    assert feeds.ledger.camera(0).why == "silent"
    feed.wait_for(2)
    assert feeds.ledger.camera(0).state in (CameraState.LIVE, CameraState.ENDED)


def test_a_camera_that_is_back_is_told_with_how_long_it_was_away(feeds: Feeds) -> None:
    """Once for each time, though it was away for two reasons; a new size is no absence."""
    gone, other_size = SourceError("gone"), GeometryChanged(Geometry(7, 2))
    script = SourceStalled("silent"), gone, (5, 3), 1, other_size, 1, gone, (5, 3), 1
    with hear() as texts:
        feeds.start(*script, lossless=False).serve_until_end()
    assert [re.sub(r"\d+\.\d s", "N s", text) for text in texts] == [
        "yard: silent",
        "yard: gone",
        "yard: live, after N s without a frame",
        "yard: frames are 7x2 now: a new epoch begins",
        "yard: gone",
        "yard: live, after N s without a frame",
    ]


def test_a_source_that_was_denied_is_left_alone_longest(feeds: Feeds) -> None:
    feeds.start(SourceDenied("401"), (5, 3), lossless=False)
    wait_until(lambda: feeds.ledger.camera(0).why == "401", "it says why")
    time.sleep(0.3)  # thirty times the first wait
    assert feeds.source.first_frames == [0]


def test_a_source_that_is_seen_to_be_back_is_opened_before_its_wait_is_over(feeds: Feeds) -> None:
    feed = feeds.start(SourceError("refused"), (5, 3), 2, lossless=False, retry_s=3600.0)
    wait_until(lambda: feeds.source.looks > 1, "it is looked for")
    assert feeds.source.first_frames == [0]
    feeds.source.back.set()
    feed.serve_until_end()
    assert frames(feed.refs) == [0, 1]


def test_waits_begin_anew_when_a_source_is_back(
    feeds: Feeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may need a moment until its stream is there too."""
    resets: list[Backoff] = []
    monkeypatch.setattr(Backoff, "reset", lambda backoff: resets.append(backoff))
    feed = feeds.start(SourceError("refused"), (5, 3), 1, lossless=False, retry_s=3600.0)
    feeds.source.back.set()
    feed.serve_until_end()
    assert len(resets) == 1


@pytest.mark.parametrize(
    ("failure", "retry_s"),
    [(SourceDenied("401"), 3600.0), (SourceError("gone"), 0.5)],
    ids=["denied", "short wait"],
)
def test_a_source_that_is_not_to_be_bothered_is_not_looked_for(
    feeds: Feeds, failure: SourceError, retry_s: float
) -> None:
    feeds.start(failure, *[SourceError("end")] * 99, lossless=False, retry_s=retry_s)
    wait_until(lambda: feeds.ledger.camera(0).why != "", "it has failed")
    time.sleep(0.3)  # some turns of the loop
    assert feeds.source.looks == 0


def test_a_live_source_that_finds_no_frame_is_stalled_until_one_is_there(feeds: Feeds) -> None:
    """It goes on reading, so the connection stays."""
    flows = threading.Event()

    def moments() -> Iterator[int | None]:
        yield 0
        while not flows.wait(0.01):
            yield None
        yield 40_000_000
        raise EndOfSource

    feed = feeds.start((5, 3), 10**9, lossless=False, pts_ns=moments())
    feed.wait_for(1)
    wait_until(lambda: feeds.ledger.camera(0).state is CameraState.STALLED, "it is stalled")
    assert feeds.ledger.camera(0).why == "no frame for 1 s"
    flows.set()
    feed.wait_for(2)
    wait_until(lambda: feeds.ledger.camera(0).state is CameraState.LIVE, "it is live again")
    assert [ref.epoch for ref in feed.refs] == [1, 1]
    assert feeds.ledger.camera(0).why == ""


def test_a_pause_of_a_lossless_source_is_its_own(feeds: Feeds) -> None:
    states = []

    def moments() -> Iterator[int | None]:
        yield 0
        ends_s = time.monotonic() + 1.5 * feeds.source.silence_s
        while time.monotonic() < ends_s:
            states.append(feeds.ledger.camera(0).state)
            time.sleep(0.01)
            yield None
        yield 40_000_000
        raise EndOfSource

    feed = feeds.start((5, 3), 10**9, pts_ns=moments())
    feed.wait_for(2)
    assert set(states) == {CameraState.LIVE}


def test_processor_time_is_counted_and_waiting_is_not(feeds: Feeds) -> None:
    def moments() -> Iterator[int]:
        time.sleep(0.5)
        yield 0
        until_ns = time.process_time_ns() + 100_000_000
        while time.process_time_ns() < until_ns:
            pass
        yield 40_000_000

    feed = feeds.start((5, 3), 2, lossless=False, pts_ns=moments())
    feed.wait_for(1)
    waited_ns = feeds.ledger.counts(0, 0).busy_ns
    feed.wait_for(2)
    assert 0 < waited_ns < 250_000_000
    assert feeds.ledger.counts(0, 0).busy_ns >= 100_000_000


def test_a_read_without_a_frame_is_no_frame(feeds: Feeds) -> None:
    feed = feeds.start((5, 3), 4, pts_ns=[1, None, None, 2], lossless=False)
    feed.serve_until_end()
    assert frames(feed.refs) == [0, 1]
    assert feeds.ledger.counts(0, 0).frames == 2


def test_a_lossless_source_that_fails_ends_its_process(feeds: Feeds) -> None:
    feed = feeds.start((5, 3), SourceError("damaged"))
    wait_until(lambda: feed.error is not None, "it fails")
    assert str(feed.error) == "damaged"


def test_frames_before_a_failure_are_waited_for(feeds: Feeds) -> None:
    """They are sent again, too, for a process that was killed meanwhile."""
    feed = feeds.start((5, 3), 2, SourceError("damaged"))
    feed.finish(feed.wait_for(2)[0])
    feeds.ledger.supervisor_writer().request_replay()
    assert frames(feed.wait_for(3)) == [0, 1, 1]
    assert feed.error is None
    feed.serve_until_end()
    assert str(feed.error) == "damaged"


def test_frames_of_a_lost_camera_that_never_came_through_are_counted(feeds: Feeds) -> None:
    feed = feeds.start((5, 3), 3, SourceError("gone"), (5, 3), 1, lossless=False)
    feed.finish(feed.wait_for(3)[1])
    old = feed.ring()
    wait_until(lambda: feed.epoch() == 2, "the camera is back")
    assert feed.drops(DropReason.ABANDONED) == 2
    assert not any(old.is_current(feed.refs[i]) for i in (0, 2))
    feed.serve_until_end()


def test_a_successor_counts_what_a_killed_live_source_left_under_way(feeds: Feeds) -> None:
    first = feeds.start((5, 3), 3, lossless=False)
    first.finish(first.wait_for(3)[0])
    first.receiver.close()
    second = feeds.start((5, 3), 2, lossless=False)
    assert frames(second.wait_for(2)) == [3, 4]
    assert second.drops(DropReason.ABANDONED) == 2
    assert feeds.source.first_frames == [3]


def test_a_successor_reads_a_file_again_from_what_some_end_has_not_finished(feeds: Feeds) -> None:
    for process, last_frame in enumerate((9, 8, 7, 5)):  # camera, left, and the two ends
        feeds.ledger.counters(0, process).finish(last_frame, failed=False)
    feed = feeds.start((5, 3), 2)
    feed.serve_until_end()
    assert feeds.source.first_frames == [6]
    assert frames(feed.refs) == [6, 7]


def test_a_ring_that_a_killed_process_had_half_made_is_made_anew(
    feeds: Feeds, short_dir: Path
) -> None:
    ring_path(short_dir, 0, 1).write_bytes(b"half")
    feed = feeds.start((5, 3), 2)
    feed.serve_until_end()
    assert frames(feed.refs) == [0, 1]


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether there is any for the first ring, the second, ...; for later ones there is."""
    answers: list[bool] = []

    def check_space(directory: Path, wanted: int) -> None:
        if answers and not answers.pop(0):
            raise ShmSpaceError(f"{directory}: {wanted} bytes: none")

    monkeypatch.setattr("pipeline.memory.ring.check_space", check_space)
    return answers


@pytest.mark.parametrize("lossless", [True, False])
def test_a_source_waits_for_shared_memory_that_there_was_before(
    feeds: Feeds, room: list[bool], lossless: bool
) -> None:
    room += [True, False, False]
    size = (5, 3)
    feed = feeds.start(size, 2, GeometryChanged(Geometry(*size)), size, size, 2, lossless=lossless)
    feed.serve_until_end()
    assert feed.error is None
    assert frames(feed.refs) == [0, 1, 2, 3]
    assert [ref.epoch for ref in feed.refs] == [1, 1, 2, 2]
    assert not any(feeds.ledger.drops(0).values())


@pytest.mark.parametrize("lossless", [True, False])
def test_shared_memory_that_is_too_small_from_the_start_is_refused(
    feeds: Feeds, room: list[bool], lossless: bool
) -> None:
    room.append(False)
    feed = feeds.start((5, 3), 2, lossless=lossless)
    wait_until(lambda: feed.error is not None, "it is refused")
    assert isinstance(feed.error, ShmSpaceError)


def test_what_a_source_loses_is_counted_by_reason(feeds: Feeds) -> None:
    losses = Counter({DropReason.UNDECODABLE: 3, DropReason.BEHIND: 40})
    feed = feeds.start((5, 3), 1, losses, 1, Counter({DropReason.DAMAGED: 1}), lossless=False)
    feed.serve_until_end()
    counted = {reason: feed.drops(reason) for reason in DropReason if feed.drops(reason)}
    assert counted == {DropReason.UNDECODABLE: 3, DropReason.BEHIND: 40, DropReason.DAMAGED: 1}
    assert frames(feed.refs) == [0, 1]


def test_a_frame_is_as_old_as_its_arrival(feeds: Feeds) -> None:
    before_ns = monotonic_ns()
    feed = feeds.start((5, 3), 1, lossless=False, waited_ns=10**12)
    (ref,) = feed.wait_for(1)
    assert before_ns - 10**12 <= ref.captured_ns <= monotonic_ns() - 10**12
    feed.serve_until_end()
