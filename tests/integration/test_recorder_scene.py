"""A drawn street, which sends no packets, is recorded by coding its frames."""

from pathlib import Path

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
    wait_until(lambda: any(p.stat().st_size > 60_000 for p in folder.rglob("*Z.mp4")), "it records")
    line.process.terminate()
    assert line.wait() == 0, line.stderr
    found = films(folder)
    for path, _ in found:
        check_with_ffmpeg(path)
    assert sum(len(greys(path)) for path, _ in found) > 20
    assert {sidecar.codec for _, sidecar in found} == {"h264"}
