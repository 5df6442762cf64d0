import os
import re
import socket
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline.config_file import build
from pipeline.errors import LineError
from pipeline.processes import cores
from pipeline.processes.loading import load_target
from pipeline.topology import ProcessSpec, ServiceRow
from stages import graph
from stages.config import LineConfig
from stages.graph import STAGES
from stages.line import line as line_module
from stages.line.line import Line
from stages.options import Given
from tests.clips import make_clip, make_folder
from tests.running_line import REPOSITORY

GOLDEN = REPOSITORY / "tests/golden"


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "clip.avi", 2)


def make_line(tiny_model: Path, *uris: Path | str | dict[str, Any], **content: Any) -> Line:
    sources = [uri if isinstance(uri, dict) else {"uri": str(uri)} for uri in uris]
    full = {"sources": sources, "model": str(tiny_model), **content}
    return Line(build(full, LineConfig, "line.yaml"))


def process(line: Line, name: str) -> ProcessSpec:
    return next(p for p in line.processes if p.name == name)


def test_each_source_and_each_replica_is_a_process(tiny_model: Path, clip: Path) -> None:
    line = make_line(tiny_model, clip, clip, detect={"replicas": 3})
    assert [p.name for p in line.processes] == [
        "capture.cam0", "capture.cam1", "preprocess", "detect.0", "detect.1", "detect.2",
        "postprocess", "track", "publish",
    ]  # fmt: skip
    assert [p.index for p in line.processes] == list(range(9))
    assert [p.camera for p in line.processes] == [0, 1] + [None] * 7


def test_options_of_every_process_are_what_its_stage_takes(
    tiny_model: Path, clip: Path, tmp_path: Path
) -> None:
    record = {"jsonl": str(tmp_path / "a.jsonl"), "video": str(tmp_path / "a.mp4")}
    line = make_line(tiny_model, clip, record=record)
    assert {p.stage for p in line.processes} == {row.name for row in STAGES}
    for spec in line.processes:
        target = load_target(line.topology.stage(spec.stage).target)
        assert msgspec.convert(spec.options, target.Options)


def test_settings_that_are_left_out_come_from_the_model(tiny_model: Path, clip: Path) -> None:
    plain = make_line(tiny_model, {"uri": str(clip), "track": False})
    options = process(plain, "postprocess").options
    assert (options["method"], options["score_thresh"]) == ("linear", 0.3)
    configured = make_line(tiny_model, clip, postprocess={"score_thresh": 0.7, "method": "hard"})
    options = process(configured, "postprocess").options
    assert (options["method"], options["score_thresh"]) == ("hard", 0.1)
    assert options["iou_thresh"] == 0.5
    assert process(configured, "publish").options["labels"] == ("person", "bicycle", "car")


def test_a_slot_has_a_canvas_only_where_a_video_is_recorded(
    tiny_model: Path, clip: Path, tmp_path: Path
) -> None:
    plain = process(make_line(tiny_model, clip), "capture.cam0").options
    recorded = make_line(tiny_model, clip, record={"video": str(tmp_path / "a.mp4")})
    assert not plain["slot"]["canvas"]
    assert process(recorded, "capture.cam0").options["slot"]["canvas"]


@pytest.mark.parametrize(
    ("track", "score_thresh", "low_score", "lowest"),
    [(True, 0.3, 0.1, 0.1), (True, 0.05, 0.1, 0.05), (False, 0.3, 0.1, 0.3)],
    ids=["low scores are tracked", "there are no lower ones", "nothing is tracked"],
)
def test_what_is_tracked_is_kept_and_what_is_published_stays(
    tiny_model: Path, clip: Path, track: bool, score_thresh: float, low_score: float, lowest: float
) -> None:
    line = make_line(
        tiny_model, {"uri": str(clip), "track": track},
        postprocess={"score_thresh": score_thresh}, track={"low_score": low_score, "lost_s": 4.0},
    )  # fmt: skip
    assert process(line, "postprocess").options["score_thresh"] == lowest
    if track:
        (camera,) = process(line, "track").options["cameras"].values()
        tracker = camera["tracker"]
        assert tracker == {"score_thresh": score_thresh, "confirm_s": 0.15, "lost_s": 4.0}


def test_objects_are_tracked_where_one_frame_follows_the_other(
    tiny_model: Path, clip: Path, tmp_path: Path
) -> None:
    line = make_line(tiny_model, clip, tmp_path, "0", "scene://street", "rtsp://camera/stream")
    cameras = process(line, "track").options["cameras"].values()
    assert [camera["is_tracked"] for camera in cameras] == [True, False, True, True, True]
    rooms = [process(line, f"capture.cam{k}").options["slot"]["tracked"] for k in range(2)]
    assert rooms == [100, 0]


def test_a_source_may_leave_out_detections_without_tracking(tiny_model: Path, clip: Path) -> None:
    source = {"uri": str(clip), "track": False, "filter": {"labels": ["car"]}}
    assert "track" in make_line(tiny_model, source).topology.names


SQUARE = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]


@pytest.mark.parametrize(
    ("keys", "error"),
    [
        ({"zones": {"yard": {"polygon": [*SQUARE, [0.5, 0.0]]}}}, "zones.yard.polygon: expected"),
        (
            {"zones": {"yard": {"polygon": SQUARE[:2]}}},
            "zones.yard.polygon: Expected `array` of length >= 3",
        ),
        ({"zones": {"yard": {"polygon": SQUARE, "labels": ["persona"]}}}, "did you mean 'person'"),
        ({"lines": {"gate": {"from": [0, 0], "to": [0, 0]}}}, "expected from and to that differ"),
        (
            {"lines": {"gate": {"from": [0, 0], "too": [0, 0]}}},
            "unknown key 'sources[0].lines.gate.too'",
        ),
        ({"filter": {"min_scores": {"dog": 0.5}}}, "filter.min_scores: unknown label 'dog'"),
        (
            {"track": False, "zones": {"yard": {"polygon": SQUARE}}},
            "zones: expected a source whose",
        ),
    ],
)
def test_zones_lines_and_filters_that_cannot_be_watched_are_refused(
    tiny_model: Path, clip: Path, keys: dict[str, Any], error: str
) -> None:
    with pytest.raises(LineError, match=re.escape(error)) as refused:
        make_line(tiny_model, {"uri": str(clip)} | keys)
    assert "sources[0]" in str(refused.value)


def test_a_source_may_say_otherwise_than_the_line(tiny_model: Path, clip: Path) -> None:
    off = {"enabled": False}
    assert "track" not in make_line(tiny_model, clip, track=off).topology.names
    line = make_line(tiny_model, clip, {"uri": str(clip), "track": True}, track=off)
    cameras = process(line, "track").options["cameras"].values()
    assert [camera["is_tracked"] for camera in cameras] == [False, True]


def test_each_camera_has_a_gate_of_its_own_or_none(tiny_model: Path, clip: Path) -> None:
    gated = {"uri": str(clip), "gate": "motion", "filter": {"ignore": [SQUARE]}}
    line = make_line(tiny_model, clip, gated, gate={"look_s": 3.0})
    ignored = (tuple(map(tuple, SQUARE)),)
    gates = process(line, "preprocess").options["gates"]
    assert gates == {"cam1": {"look_s": 3.0, "ignored": ignored}}


@pytest.mark.parametrize("untracked", ["by the source", "by the line", "a folder"])
def test_a_gate_needs_tracks(tiny_model: Path, clip: Path, tmp_path: Path, untracked: str) -> None:
    source: dict[str, Any] = {"uri": str(clip), "gate": "motion"}
    if untracked == "by the source":
        source["track"] = False
    elif untracked == "a folder":
        source["uri"] = str(tmp_path)
    track = {"enabled": untracked != "by the line"}
    with pytest.raises(LineError, match=r"^sources\[1\]\.gate: expected a source whose objects"):
        make_line(tiny_model, clip, source, track=track)
    make_line(tiny_model, clip, source | {"track": True}, track=track)


def test_no_process_tracks_where_nothing_is_tracked(tiny_model: Path, tmp_path: Path) -> None:
    assert "track" not in make_line(tiny_model, tmp_path).topology.names
    assert "track" in make_line(tiny_model, {"uri": str(tmp_path), "track": True}).topology.names


def test_a_check_leaves_no_file(tiny_model: Path, clip: Path, tmp_path: Path) -> None:
    make_line(tiny_model, clip, record={"jsonl": str(tmp_path / "a.jsonl")})
    assert not (tmp_path / "a.jsonl").exists()


def test_a_check_does_not_touch_an_earlier_recording(
    tiny_model: Path, clip: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.jsonl").write_text("kept")
    make_line(tiny_model, clip, record={"jsonl": str(tmp_path / "a.jsonl")})
    assert (tmp_path / "a.jsonl").read_text() == "kept"


def test_a_source_that_does_not_exist_is_refused(tiny_model: Path, clip: Path) -> None:
    with pytest.raises(LineError, match=r"none\.mp4: no such file"):
        make_line(tiny_model, clip, "none.mp4")


@pytest.mark.parametrize(
    ("uri", "kind"), [("clip.avi", "file"), ("rtsp://cam/1", "stream"), ("scene://street", "scene")]
)
def test_a_mode_is_for_cameras_of_this_machine(
    tiny_model: Path, clip: Path, monkeypatch: pytest.MonkeyPatch, uri: str, kind: str
) -> None:
    monkeypatch.chdir(clip.parent)
    sources = [{"uri": "0", "v4l2": {"format": "MJPG"}}, {"uri": uri, "v4l2": {"fps": 30}}]
    with pytest.raises(LineError) as refused:
        make_line(tiny_model, sources=sources)
    assert str(refused.value) == (
        f"sources[1].v4l2: expected a camera of this machine, got {uri}, which is a {kind}"
    )


@pytest.mark.parametrize("uris", [("0", "/dev/video0"), ("fifo", "./fifo")])
def test_what_one_process_can_read_is_refused_twice(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uris: tuple[str, str]
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("fifo")
    with pytest.raises(LineError, match=r"sources\[1\]\.uri: expected sources that differ, got"):
        make_line(tiny_model, *uris)


def test_a_probe_opens_the_endpoint(tiny_model: Path, clip: Path, short_dir: Path) -> None:
    free = make_line(tiny_model, clip, publish={"endpoint": f"ipc://{short_dir}/pub"})
    free.probe()
    assert list(short_dir.iterdir()) == []
    (short_dir / "pub").write_text("a file of the user")
    with pytest.raises(LineError, match="expected a socket or no file"):
        free.probe()


def test_a_probe_loads_the_model(short_dir: Path) -> None:
    """Its card is good, so that nothing but a black frame can tell."""
    line = make_line(GOLDEN / "nan_scores.onnx", "scene://street",
                     publish={"endpoint": f"ipc://{short_dir}/pub"})  # fmt: skip
    with pytest.raises(LineError, match=r"nan_scores\.onnx': fails on a black frame: .*got NaN"):
        line.probe()


def test_a_probe_opens_files_and_folders(tiny_model: Path, tmp_path: Path, short_dir: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    folder = make_folder(tmp_path / "images", [(64, 48)])
    endpoint = {"endpoint": f"ipc://{short_dir}/pub"}
    for uri, why in (
        (tmp_path / "text.mp4", "text.mp4: this file cannot be opened as video"),
        (tmp_path, f"{tmp_path}: expected images "),
    ):
        with pytest.raises(LineError, match=why):
            make_line(tiny_model, uri, publish=endpoint).probe()
    make_line(tiny_model, folder, publish=endpoint).probe()
    with pytest.raises(LineError, match=r"64x48 pixels, of which at most 2000 are allowed"):
        make_line(tiny_model, folder, publish=endpoint, ring={"max_pixels": 2000}).probe()


def test_a_probe_leaves_alone_what_it_would_disturb(
    tiny_model: Path, tmp_path: Path, short_dir: Path, said: list[str]
) -> None:
    """A pipe keeps what is in it; a network camera is not called; one to be plugged in may come."""
    os.mkfifo(tmp_path / "fifo")
    with socket.create_server(("127.0.0.1", 0)) as server:
        uris = (tmp_path / "fifo", f"rtsp://127.0.0.1:{server.getsockname()[1]}/1", "250")
        make_line(tiny_model, *uris, publish={"endpoint": f"ipc://{short_dir}/pub"}).probe()
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert said == ["/dev/video250: this camera is not there; a run waits until it is"]


def test_a_service_is_a_process_after_those_of_the_stages(
    tiny_model: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gets a core that no heavy stage has, and the options that its row makes for it."""

    def options(given: Given) -> dict[str, Any]:
        return {"labels": given.model.labels, "camera": given.number}

    row = ServiceRow("bell", "none:None", options=options, when=lambda config: config.log != "INFO")
    monkeypatch.setattr(graph, "SERVICES", (row,))
    monkeypatch.setattr(line_module, "ROWS", (*STAGES, row))
    monkeypatch.setattr(cores, "available_cores", lambda: (2, 3, 5))
    assert [p.is_service for p in make_line(tiny_model, clip).processes] == [False] * 6
    line = make_line(tiny_model, clip, log="DEBUG")
    bell = line.processes[-1]
    assert (bell.name, bell.stage, bell.index, bell.camera) == ("bell", "bell", 6, None)
    assert bell.is_service
    assert bell.core != process(line, "detect").core
    assert bell.options == {"labels": ("person", "bicycle", "car"), "camera": 0}
    pinned = make_line(tiny_model, clip, log="DEBUG", cores={"bell": [5]})
    assert pinned.processes[-1].core == 5


def test_cores_for_an_unknown_row_are_refused(tiny_model: Path, clip: Path) -> None:
    with pytest.raises(LineError, match=r"unknown key 'cores\.detects': did you mean 'detect'\?"):
        make_line(tiny_model, clip, cores={"detects": [0]})
