"""Live sources: the newest frame wins, and the ledger counts every other."""

import signal
import time
from pathlib import Path

from pipeline.client import DetectionMessage, DetectionSubscriber
from pipeline.memory.counters import DropReason
from tests.clips import is_of_frame, make_clip
from tests.conftest import StartLine
from tests.integration.line_sources import live
from tests.running_line import PATIENCE_S, wait_until


def test_a_slow_detector_gets_the_newest_frames_and_all_others_are_counted(
    start_line: StartLine, tmp_path: Path, slow_model: Path
) -> None:
    clip = make_clip(tmp_path / "clip.avi", 160, fps=160)
    line = start_line(*live(clip), model=slow_model)
    ledger = line.ledger()
    assert line.wait() == 0, line.stderr
    assert ledger.captured() == 160
    assert 0 < ledger.losses() == 160 - ledger.results()
    messages = line.messages()
    frames = [m.frame_id for m in messages]
    assert frames == sorted(set(frames))
    assert frames[-1] > 150  # the newest, not the first that fit
    assert all(is_of_frame(m, m.frame_id) for m in messages)


def test_messages_tell_of_all_drops_between_them(start_line: StartLine, tmp_path: Path) -> None:
    """A detector that stands still for a while."""
    line = start_line(*live(make_clip(tmp_path / "clip.avi", 100, fps=50), loop=True))
    endpoint = f"ipc://{line.jsonl.parent}/pub"
    with DetectionSubscriber(endpoint, timeout_s=PATIENCE_S, patience_s=None) as subscriber:
        ledger = line.ledger()
        line.wait_for_messages(1)
        line.kill("detect", signal.SIGSTOP)
        time.sleep(0.5)
        line.kill("detect", signal.SIGCONT)
        line.wait_for_more(20)
        line.process.send_signal(signal.SIGTERM)
        assert line.wait() == 0, line.stderr
        messages = receive_all(subscriber)
    frames = [m.frame_id for m in messages]
    missing = frames[-1] - frames[0] + 1 - len(frames)
    told = sum(sum(m.drops.values()) for m in messages)
    assert missing > 5
    assert missing <= told <= ledger.losses()
    assert [m.seq for m in messages] == list(
        range(messages[0].seq, messages[0].seq + len(messages))
    )
    reasons = {reason for message in messages for reason in message.drops}
    assert DropReason.NEWEST_WINS.label in reasons
    assert DropReason.ABANDONED.label not in reasons


def receive_all(subscriber: DetectionSubscriber) -> list[DetectionMessage]:
    """Detections up to the end of the camera; the last one comes again to a new subscriber."""
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
    ledger = line.ledger()
    line.wait_for_messages(1)
    for name in ("detect", "capture.cam0", "preprocess", "postprocess"):
        line.kill_running(name)
        line.wait_for_more(5)
    line.process.send_signal(signal.SIGTERM)
    assert line.wait() == 0, line.stderr
    results = ledger.results()
    assert ledger.captured() == results + ledger.losses()
    frames = [m.frame_id for m in line.messages()]
    assert frames == sorted(set(frames))


def test_a_recorder_that_stands_still_costs_no_result(
    start_line: StartLine, tmp_path: Path
) -> None:
    line = start_line(*live(make_clip(tmp_path / "clip.avi", 100, fps=50), loop=True))
    ledger = line.ledger()
    line.wait_for_messages(1)
    line.kill("record_jsonl", signal.SIGSTOP)
    wait_until(lambda: ledger.unrecorded() > 0, "it is late")
    line.kill("record_jsonl", signal.SIGCONT)
    line.wait_for_more(3)
    line.process.send_signal(signal.SIGTERM)
    assert line.wait() == 0, line.stderr
    assert ledger.results() == ledger.captured() - ledger.losses()
    # At its end the line may have been in a hurry, too: every process counts.
    rows = [ledger.counts(process) for process in line.processes]
    unrecorded = sum(row.drops(DropReason.NOT_RECORDED) for row in rows)
    assert len(line.messages()) == ledger.results() - unrecorded
