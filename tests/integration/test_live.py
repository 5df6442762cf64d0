"""Live sources: the newest frame wins, and the books account for every other."""

import signal
import time
from pathlib import Path

from pipeline.client import DetectionMessage, DetectionSubscriber
from pipeline.memory.ledger import DropReason, Ledger
from tests.clips import is_of_frame, make_clip
from tests.conftest import StartLine
from tests.running_line import PATIENCE_S, RunningLine, wait_until

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


def losses(books: Ledger) -> int:
    """Frames without a result."""
    return sum(books.drops(0).values())


def test_a_slow_detector_gets_the_newest_frames_and_all_others_are_counted(
    start_line: StartLine, tmp_path: Path, slow_model: Path
) -> None:
    clip = make_clip(tmp_path / "clip.avi", 160, fps=160)
    line = start_line(*live(clip), model=slow_model)
    books = open_books(line)
    assert line.wait() == 0, line.stderr
    assert int(books.rows["frames"][0, CAPTURE]) == 160
    assert 0 < losses(books) == 160 - int(books.rows["frames"][0, PUBLISH])
    messages = line.messages()
    frames = [m.frame_id for m in messages]
    assert frames == sorted(set(frames))
    assert frames[-1] > 150  # the newest, not the first that fit
    assert all(is_of_frame(m, m.frame_id) for m in messages)


def test_messages_tell_of_all_drops_between_them(start_line: StartLine, tmp_path: Path) -> None:
    """A detector that stands still for a while."""
    line = start_line(*live(make_clip(tmp_path / "clip.avi", 100, fps=50), loop=True))
    endpoint = f"ipc://{line.jsonl.parent}/pub"
    with DetectionSubscriber(endpoint, timeout_s=PATIENCE_S) as subscriber:
        books = open_books(line)
        line.kill("detect", signal.SIGSTOP)
        time.sleep(0.5)
        line.kill("detect", signal.SIGCONT)
        line.wait_for_messages(len(line.messages()) + 20)
        line.process.send_signal(signal.SIGTERM)
        assert line.wait() == 0, line.stderr
        messages = receive_all(subscriber)
    frames = [m.frame_id for m in messages]
    missing = frames[-1] - frames[0] + 1 - len(frames)
    told = sum(sum(m.drops.values()) for m in messages)
    assert missing > 5
    assert missing <= told <= losses(books)
    assert [m.seq for m in messages] == list(
        range(messages[0].seq, messages[0].seq + len(messages))
    )
    reasons = {reason for message in messages for reason in message.drops}
    assert DropReason.NEWEST_WINS.label in reasons
    assert DropReason.ABANDONED.label not in reasons


def receive_all(subscriber: DetectionSubscriber) -> list[DetectionMessage]:
    """Detections up to the end of the camera; the last one is said again to who subscribes."""
    by_seq: dict[int, DetectionMessage] = {}
    for message in subscriber:
        if isinstance(message, DetectionMessage):
            by_seq[message.seq] = message
        elif message.state == "ended":
            break
    return list(by_seq.values())


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
    assert int(books.rows["frames"][0, CAPTURE]) == results + losses(books)
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
    assert int(books.rows["frames"][0, PUBLISH]) == 100 - losses(books)
    assert len(line.messages()) == 100 - losses(books) - unrecorded
