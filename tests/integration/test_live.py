"""Live sources: the newest frame wins, and the ledger accounts for every other."""

import signal
import time
from pathlib import Path

from pipeline.client import DetectionMessage, DetectionSubscriber
from pipeline.memory.counters import DropReason
from pipeline.memory.ledger import LedgerReader
from tests.clips import is_of_frame, make_clip
from tests.conftest import StartLine
from tests.running_line import PATIENCE_S, RunningLine, wait_until

CAPTURE, PUBLISH = 0, 4  # rows of the ledger, in the order of the graph
PROCESSES = 6


def live(clip: Path, *, loop: bool = False, realtime: bool = True) -> tuple[str, str]:
    keys = f"live: true, realtime: {realtime}, loop: {loop}".lower()
    return "--set", f"sources=[{{uri: {clip}, {keys}}}]"


def open_ledger(line: RunningLine) -> LedgerReader:
    """The ledger of a running line; it stays mapped when the line has ended."""
    run_dir = line.run_dir()
    line.wait_for_messages(1)
    return LedgerReader.attach(run_dir, 1, PROCESSES)


def losses(ledger: LedgerReader) -> int:
    """Frames without a result."""
    return sum(ledger.drops(0).values())


def test_a_slow_detector_gets_the_newest_frames_and_all_others_are_counted(
    start_line: StartLine, tmp_path: Path, slow_model: Path
) -> None:
    clip = make_clip(tmp_path / "clip.avi", 160, fps=160)
    line = start_line(*live(clip), model=slow_model)
    ledger = open_ledger(line)
    assert line.wait() == 0, line.stderr
    assert ledger.counts(0, CAPTURE).frames == 160
    assert 0 < losses(ledger) == 160 - ledger.counts(0, PUBLISH).frames
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
        ledger = open_ledger(line)
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
    assert missing <= told <= losses(ledger)
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
    ledger = open_ledger(line)
    for name in ("detect", "capture.cam0", "preprocess", "postprocess"):
        line.kill_running(name)
        line.wait_for_messages(len(line.messages()) + 5)
    line.process.send_signal(signal.SIGTERM)
    assert line.wait() == 0, line.stderr
    results = ledger.counts(0, PUBLISH).frames
    assert ledger.counts(0, CAPTURE).frames == results + losses(ledger)
    frames = [m.frame_id for m in line.messages()]
    assert frames == sorted(set(frames))


def test_a_recorder_that_stands_still_costs_no_result(
    start_line: StartLine, tmp_path: Path
) -> None:
    line = start_line(*live(make_clip(tmp_path / "clip.avi", 100, fps=50)))
    ledger = open_ledger(line)
    line.kill("record_jsonl", signal.SIGSTOP)
    wait_until(lambda: ledger.counts(0, PUBLISH).drops(DropReason.NOT_RECORDED) > 0, "it is late")
    line.kill("record_jsonl", signal.SIGCONT)
    assert line.wait() == 0, line.stderr
    unrecorded = ledger.counts(0, PUBLISH).drops(DropReason.NOT_RECORDED)
    assert ledger.counts(0, PUBLISH).frames == 100 - losses(ledger)
    assert len(line.messages()) == 100 - losses(ledger) - unrecorded
