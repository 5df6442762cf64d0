"""However a run ends: each frame that was captured is a result, or it is counted."""

import signal
from pathlib import Path

import pytest

from pipeline.memory.counters import DropReason
from tests.clips import make_clip
from tests.conftest import StartLine
from tests.recordings import recorded_levels
from tests.running_ledger import RunningLedger
from tests.running_line import RunningLine

FRAMES = 12  # more than the slots of a ring


def assert_each_frame_is_accounted_for(
    line: RunningLine, ledger: RunningLedger, video: Path
) -> None:
    """In messages, in both recordings, or in a count; `line` has ended."""
    messages = line.messages()
    assert ledger.captured() == ledger.results() + ledger.losses()
    shown = len(recorded_levels(video)) if video.exists() else 0
    # The video may show frames that `publish` did not live to see.
    missing = ledger.results() - len(messages) + max(ledger.results() - shown, 0)
    rows = [ledger.counts(process) for process in line.processes]
    assert sum(row.drops(DropReason.NOT_RECORDED) for row in rows) == missing
    assert [m.frame_id for m in messages] == list(range(len(messages)))


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "clip.avi", FRAMES)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return tmp_path / "out.mp4"


@pytest.fixture
def slow_line(start_line: StartLine, clip: Path, video: Path, slow_model: Path) -> RunningLine:
    """Its detector is slower than its source: the ring is full of frames that wait."""
    line = start_line(
        "--set", f"sources=[{{uri: {clip}, loop: true}}]", "--set", f"record.video={video}",
        "--set", "limits.restarts=0", model=slow_model,
    )  # fmt: skip
    line.wait_for_messages(1)
    return line


def test_a_file_that_vanishes_costs_no_frame_that_was_captured(
    slow_line: RunningLine, clip: Path, video: Path
) -> None:
    ledger = slow_line.ledger()
    clip.unlink()  # it is read to its end, and then it does not begin again
    assert slow_line.wait() == 2, slow_line.stderr
    messages = slow_line.messages()
    assert len(messages) >= FRAMES
    assert len(messages) % FRAMES == 0
    assert [m.frame_id for m in messages] == list(range(len(messages)))
    assert ledger.captured() == ledger.results() == len(messages)
    assert len(recorded_levels(video)) == len(messages)


@pytest.mark.parametrize("name", ["capture.cam0", "preprocess", "detect", "postprocess", "publish"])
def test_a_process_that_is_given_up_leaves_no_frame_uncounted(
    slow_line: RunningLine, video: Path, name: str
) -> None:
    ledger = slow_line.ledger()
    slow_line.kill(name)
    assert slow_line.wait() == 1, slow_line.stderr
    assert_each_frame_is_accounted_for(slow_line, ledger, video)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_no_frame_uncounted(
    slow_line: RunningLine, video: Path, number: signal.Signals
) -> None:
    ledger = slow_line.ledger()
    slow_line.process.send_signal(number)
    assert slow_line.wait() == 0, slow_line.stderr
    assert_each_frame_is_accounted_for(slow_line, ledger, video)
