"""Live sources: the newest frame wins, and the books account for every other."""

import signal
import time
from collections import Counter
from pathlib import Path

from pipeline.client import DetectionMessage
from pipeline.ledger import LOSSES, DropReason, Ledger
from tests.clips import is_of_frame, make_clip
from tests.conftest import StartLine
from tests.running_line import RunningLine, wait_until

CAPTURE, PUBLISH = 0, 4  # rows of the books, in the order of the graph
PROCESSES = 6


def live(clip: Path, *, loop: bool = False, realtime: bool = True) -> tuple[str, str]:
    keys = f"live: true, realtime: {realtime}, loop: {loop}".lower()
    return "--set", f"sources=[{{uri: {clip}, {keys}}}]"


def open_books(line: RunningLine) -> Ledger:
    """The mapped ledger of a running line, which outlives it."""
    run_dir = line.run_dir()
    line.wait_for_messages(1)
    return Ledger.attach(run_dir, 1, PROCESSES)


def lost(books: Ledger) -> dict[str, int]:
    return {reason: count for reason, count in books.drops(0).items() if count}


def told(messages: list[DetectionMessage]) -> Counter[str]:
    """The drops that messages speak of, in sum."""
    total = Counter[str]()
    for message in messages:
        total.update(message.drops)
    return total


def test_a_slow_detector_gets_the_newest_frames_and_all_others_are_counted(
    start_line: StartLine, tmp_path: Path, slow_model: Path
) -> None:
    clip = make_clip(tmp_path / "clip.avi", 160, fps=160)
    line = start_line(*live(clip), model=slow_model)
    books = open_books(line)
    assert line.wait() == 0, line.stderr
    messages = line.messages()
    captured = int(books.rows["frames"][0, CAPTURE])
    assert captured == 160
    assert sum(lost(books).values()) > 0
    assert captured == len(messages) + sum(lost(books).values())
    frames = [m.frame_id for m in messages]
    assert frames == sorted(set(frames))
    assert [m.seq for m in messages] == list(range(len(messages)))
    assert all(is_of_frame(m, m.frame_id) for m in messages)
    # Drops after the last message are in the books only.
    unheard = captured - 1 - frames[-1]
    assert told(messages).total() == sum(lost(books).values()) - unheard


def test_drops_fill_the_gaps_between_messages(start_line: StartLine, tmp_path: Path) -> None:
    """A detector that stands still for a while: what it missed is told by the next message."""
    clip = make_clip(tmp_path / "clip.avi", 100, fps=50)
    line = start_line(*live(clip, loop=True))
    line.wait_for_messages(5)
    line.kill("detect", signal.SIGSTOP)
    time.sleep(0.5)
    line.kill("detect", signal.SIGCONT)
    line.wait_for_messages(len(line.messages()) + 20)
    line.process.send_signal(signal.SIGTERM)
    assert line.wait() == 0, line.stderr
    messages = line.messages()
    frames = [m.frame_id for m in messages]
    missing = frames[-1] + 1 - len(frames)
    assert missing > 5
    assert told(messages) == {DropReason.NEWEST_WINS.label: missing}


def test_each_frame_is_a_result_or_a_drop_when_processes_are_killed(
    start_line: StartLine, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.avi", 16, fps=100)
    line = start_line(*live(clip, loop=True))
    books = open_books(line)
    for name in ("detect", "capture.cam0", "preprocess", "postprocess"):
        line.kill_running(name)
        line.wait_for_messages(len(line.messages()) + 5)
    line.process.send_signal(signal.SIGTERM)
    assert line.wait() == 0, line.stderr
    results = int(books.rows["frames"][0, PUBLISH])
    losses = sum(int(books.rows["drops"][0, :, reason].sum()) for reason in LOSSES)
    assert int(books.rows["frames"][0, CAPTURE]) == results + losses
    frames = [m.frame_id for m in line.messages()]
    assert frames == sorted(set(frames))


def test_a_recorder_that_stands_still_costs_no_result(
    start_line: StartLine, tmp_path: Path
) -> None:
    line = start_line(*live(make_clip(tmp_path / "clip.avi", 100, fps=50)))
    books = open_books(line)
    line.kill("record_jsonl", signal.SIGSTOP)
    wait_until(lambda: books.rows["drops"][0, PUBLISH, DropReason.NOT_RECORDED] > 0, "it is late")
    line.kill("record_jsonl", signal.SIGCONT)
    assert line.wait() == 0, line.stderr
    unrecorded = int(books.rows["drops"][0, PUBLISH, DropReason.NOT_RECORDED])
    assert int(books.rows["frames"][0, PUBLISH]) == 100 - sum(lost(books).values())
    assert len(line.messages()) == 100 - sum(lost(books).values()) - unrecorded
