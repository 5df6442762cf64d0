"""The gate of a real line, with the shipped model, before a street on which little happens."""

import json
from itertools import pairwise
from pathlib import Path

from pipeline.client import DetectionMessage
from stages.config import SHIPPED_MODEL
from stages.recording.recall import count_found, is_wanted
from stages.scene.street import Street, parse_scene_uri
from tests.clips import make_clip
from tests.conftest import StartLine
from tests.running_line import RunningLine, wait_until

BODIES = "people=0&buses=0&trucks=0&bicycles=0&motorcycles=0&dogs=0&cats=0&horses=0&sheep=0&cows=0"
STREET = f"scene://street?seed=5&traffic=0.05&width=640&height=360&fps=10&cars=1&{BODIES}"
SECONDS, FRAMES = 20, 200  # a car comes by for two seconds
LOOK_FRAMES = 50
MODEL = ("--model", SHIPPED_MODEL)


def quiet_street(*, gate: bool, seconds: int = SECONDS, realtime: bool = False) -> tuple[str, ...]:
    source = {"uri": f"{STREET}&seconds={seconds}", "realtime": realtime, "track": True}
    if gate:
        source["gate"] = "motion"
    return *MODEL, "--set", f"sources={json.dumps([source])}"


def finish(line: RunningLine, frames: int = FRAMES) -> list[DetectionMessage]:
    assert line.wait() == 0, line.stderr
    assert line.leftovers() == []
    messages = line.messages()
    assert [m.frame_id for m in messages] == [m.seq for m in messages] == list(range(frames))
    assert all(not m.detections for m in messages if m.status == "idle")
    return messages


def frames_with_the_car() -> list[int]:
    street = Street(parse_scene_uri(f"{STREET}&seconds={SECONDS}"))
    return [index for index in range(FRAMES) if any(map(is_wanted, street.truth(index)))]


def first_found(messages: list[DetectionMessage]) -> int:
    street = Street(parse_scene_uri(f"{STREET}&seconds={SECONDS}"))
    return next(m.frame_id for m in messages if count_found(street.truth(m.frame_id), m.detections))


def test_an_empty_street_is_idle_and_who_comes_is_found_as_without_the_gate(
    start_line: StartLine,
) -> None:
    gated = finish(start_line(*quiet_street(gate=True)))
    always = finish(start_line(*quiet_street(gate=False)))
    assert {m.status for m in always} == {"ok"}
    there = frames_with_the_car()
    assert len(there) > 10
    assert all(gated[frame].status == "ok" for frame in there)
    assert first_found(gated) <= first_found(always) + 1
    quiet = [m.status for m in gated[40 : there[0] - 10]]
    assert quiet.count("idle") >= len(quiet) - len(quiet) // LOOK_FRAMES - 1
    assert {m.status for m in gated[there[-1] + 50 :]} <= {"idle", "ok"}
    assert gated[-1].status == "idle" or "idle" in [m.status for m in gated[-LOOK_FRAMES:]]
    assert all("detect" in m.stage_ns for m in gated)


def test_the_table_at_the_end_counts_idle_frames(start_line: StartLine) -> None:
    line = start_line(*quiet_street(gate=True, seconds=8))
    messages = finish(line, 80)
    idle = sum(m.status == "idle" for m in messages)
    assert idle > 30
    rows = [text.split() for text in line.stdout.splitlines() if text.startswith("cam")]
    heads, row = rows[:2]
    assert row[heads.index("idle")] == str(idle)


def test_whichever_process_is_killed_each_frame_has_its_message_and_the_gate_closes_again(
    start_line: StartLine,
) -> None:
    line = start_line(*quiet_street(gate=True, seconds=3600, realtime=True))

    def newest_is_idle() -> bool:
        messages = line.messages()
        return bool(messages) and messages[-1].status == "idle"

    for name in line.processes:
        wait_until(newest_is_idle, "the gate is closed")
        line.kill_and_recover(name)
        if name == "preprocess":
            line.wait_for_more(5)
            assert line.messages()[-1].status == "ok", "it does not know the street yet"
    wait_until(newest_is_idle, "the gate is closed")
    line.process.terminate()
    assert line.wait() == 0, line.stderr
    messages = line.messages()
    assert [m.frame_id for m in messages] == [m.seq for m in messages] == list(range(len(messages)))


def test_of_a_live_camera_each_frame_is_a_result_or_a_drop(
    start_line: StartLine, tmp_path: Path, slow_model: Path
) -> None:
    """The detector is slower than the camera, and busy with the looks."""
    clip = make_clip(tmp_path / "clip.avi", 1, fps=160)
    source = {"uri": str(clip), "live": True, "realtime": True, "loop": True}
    source |= {"gate": "motion", "track": True, "freeze_s": None}
    line = start_line(
        "--set", f"sources={json.dumps([source])}", "--set", "gate.look_s=0.2",
        "--set", "postprocess.score_thresh=0.99", model=slow_model,
    )  # fmt: skip
    line.wait_for_messages(1)
    ledger = line.ledger()

    def looks_and_idles() -> bool:
        statuses = [m.status for m in line.messages()]
        return statuses[-300:].count("idle") > 100 and statuses[-300:].count("ok") > 3

    wait_until(looks_and_idles, "the gate is closed, but for a look now and then")
    line.process.terminate()
    assert line.wait() == 0, line.stderr
    assert ledger.captured() == ledger.results() + ledger.losses()
    frames = [m.frame_id for m in line.messages()]
    assert all(before < after for before, after in pairwise(frames))
