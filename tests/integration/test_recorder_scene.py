"""A drawn street, which sends no packets, is recorded by coding its frames."""

import os
import signal
import time
from pathlib import Path

from stages.services.archive.layout import NS
from tests.conftest import StartLine
from tests.films import check_with_ffmpeg
from tests.integration.test_recorder import films
from tests.running_line import wait_until
from tests.stages.services.recorder.camera import greys


def test_a_scene_is_recorded(start_line: StartLine, tmp_path: Path) -> None:
    folder = tmp_path / "record"
    line = start_line(
        "--source", "scene://street?seed=7&width=160&height=120",
        "--set", f"record.folder={folder}",
        "--set", "record.continuous={segment_s: 10}",
    )  # fmt: skip
    wait_until(
        lambda: any(p.stat().st_size > 60_000 for p in folder.rglob("[0-9]*Z.mp4")), "it records"
    )
    line.process.terminate()
    assert line.wait() == 0, line.stderr
    found = films(folder)
    for path, _ in found:
        check_with_ffmpeg(path)
    assert sum(len(greys(path)) for path, _ in found) > 20
    assert {sidecar.codec for _, sidecar in found} == {"h264"}


def test_a_clip_of_it_is_made_by_hand_where_no_rule_asks_for_any(
    start_line: StartLine, tmp_path: Path
) -> None:
    """From then on: nothing was coded before.

    Five frames a second: one that the recorder is late for is gone, and is not in the clip.
    """
    folder = tmp_path / "record"
    line = start_line(
        "--source", "scene://street?seed=7&width=160&height=120&fps=5",
        "--set", f"record.folder={folder}",
    )  # fmt: skip
    line.wait_for_messages(10)
    asked_ns = time.time_ns()
    os.kill(line.process.pid, signal.SIGUSR1)
    wait_until(lambda: any(p.stat().st_size > 1000 for p in folder.rglob("[0-9]*Z.mp4")), "a clip")
    wait_until(lambda: any(folder.rglob("clips/[0-9]*Z.jpg")), "it is finished")
    line.process.terminate()
    assert line.wait() == 0, line.stderr
    ((path, clip),) = films(folder)
    check_with_ffmpeg(path)
    assert (clip.why, clip.codec, clip.open) == ("asked for", "h264", False)
    assert asked_ns - NS < clip.begin_unix_ns < asked_ns + 5 * NS
    assert clip.end_unix_ns > asked_ns + 5 * NS
    assert "nothing older was kept" in clip.notes[0]
    assert "no pictures are kept" in line.stderr
