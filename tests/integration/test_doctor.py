"""The doctor looks at real cameras, and says what is amiss without a password."""

import json
import re
from pathlib import Path

import pytest

from stages.line.doctor import command
from stages.line.doctor.finding import Level
from tests.integration.test_rtsp import _needs_gstreamer, serve  # noqa: F401 - a fixture
from tests.ports import free_port


def look(
    config: Path, capsys: pytest.CaptureFixture[str], *sources: str
) -> tuple[int, list[dict[str, str]]]:
    config.write_text(f"sources: [{', '.join(sources)}]\n")
    code = command.main([str(config), "--json"])
    findings = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return code, findings


def test_a_camera_is_described_with_what_is_amiss(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    with serve(port, "320x240", "--coder", "b-frames"):
        _, findings = look(
            tmp_path / "line.yaml", capsys, f"{{uri: 'rtsp://127.0.0.1:{port}/test', name: gate}}"
        )
    said = [finding for finding in findings if finding["what"] == "gate"]
    assert said[0]["value"].startswith("h264 320x240, 25 fps, first frame after ")
    assert [finding["value"] for finding in said[1:]] == ["has B-frames"]


def test_a_camera_that_cannot_be_reached_is_a_problem_without_its_password(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address = f"rtsp://me:S3cret@127.0.0.1:{free_port()}/test"
    code, findings = look(tmp_path / "line.yaml", capsys, f"{{uri: '{address}', name: gate}}")
    (gate,) = (finding for finding in findings if finding["what"] == "gate")
    assert (code, gate["level"]) == (1, Level.PROBLEM)
    assert "S3cret" not in json.dumps(findings)


def test_sources_of_other_kinds_are_there_or_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, findings = look(
        tmp_path / "line.yaml", capsys,
        "{uri: 'scene://street', name: drawn}", "{uri: none.mp4, name: gone}",
    )  # fmt: skip
    said = {finding["what"]: finding for finding in findings}
    assert said["drawn"]["value"] == "scene scene://street: is there"
    assert said["gone"]["value"] == f"{tmp_path}/none.mp4: no such file, folder or camera"
    assert code == 1


def test_a_configuration_that_cannot_be_read_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main([str(tmp_path / "none.yaml")]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_the_page_names_everything_once(capsys: pytest.CaptureFixture[str]) -> None:
    command.main([])
    page = capsys.readouterr().out
    for what in ("Python", "packages", "cores", "shared memory", "clock", "other lines"):
        assert len(re.findall(rf"^[ !-] {what} ", page, re.M)) == 1, page
