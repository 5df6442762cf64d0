"""Which texts of a configuration are paths, and where they lead."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.config_file import build
from stages.config import LineConfig
from stages.line.configuration.paths import expand_home, resolve_beside


def check(**content: Any) -> LineConfig:
    return build({"sources": [{"uri": "0"}], **content}, LineConfig, "line.yaml")


def test_paths_may_begin_with_the_home_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    config = expand_home(
        check(
            sources=[{"uri": "~/clip.mp4"}, {"uri": "rtsp://cam/~/1"}, {"uri": "a~"}],
            model="~/my.onnx",
            publish={"endpoint": "ipc://~/pub", "secret_key": "~/a.key", "clients": "~"},
            record={"jsonl": "~/out.jsonl", "events": "~/e.jsonl", "video": "~/{camera}.mp4"},
        )
    )
    assert [source.uri for source in config.sources] == [
        "/home/me/clip.mp4", "rtsp://cam/~/1", "a~"
    ]  # fmt: skip
    assert config.model == "/home/me/my.onnx"
    publish, record = config.publish, config.record
    assert publish.endpoint == "ipc:///home/me/pub"
    assert (publish.secret_key, publish.clients) == ("/home/me/a.key", "/home/me")
    assert (record.jsonl, record.video) == ("/home/me/out.jsonl", "/home/me/{camera}.mp4")
    assert record.events == "/home/me/e.jsonl"


def test_what_begins_otherwise_stays_as_it_is() -> None:
    config = check(model="m.onnx", publish={"endpoint": "tcp://127.0.0.1:5570"})
    assert expand_home(config) == config


def test_relative_paths_of_a_file_are_below_its_folder(tmp_path: Path) -> None:
    content = resolve_beside(
        {
            "sources": [{"uri": "clips/gate.mp4", "name": "gate"}],
            "model": "my.onnx",
            "publish": {"endpoint": "ipc://pub", "secret_key": "a.key", "clients": "keys"},
            "record": {"jsonl": "out.jsonl", "events": None, "video": "../{camera}.mp4"},
            "web": {"token_file": "token", "certificate": "/etc/a.pem", "key": "~/a.pem"},
        },
        tmp_path,
    )
    assert content == {
        "sources": [{"uri": f"{tmp_path}/clips/gate.mp4", "name": "gate"}],
        "model": f"{tmp_path}/my.onnx",
        "publish": {
            "endpoint": f"ipc://{tmp_path}/pub",
            "secret_key": f"{tmp_path}/a.key",
            "clients": f"{tmp_path}/keys",
        },
        "record": {
            "jsonl": f"{tmp_path}/out.jsonl",
            "events": None,
            "video": f"{tmp_path}/../{{camera}}.mp4",
        },
        "web": {"token_file": f"{tmp_path}/token", "certificate": "/etc/a.pem", "key": "~/a.pem"},
    }


@pytest.mark.parametrize(
    "uri",
    ["0", "rtsp://cam/1", "scene://street", "/dev/video0", "-", "pipe:0", "~/a.mp4", "/a.mp4"],
)
def test_what_is_no_relative_path_stays_as_it_is(uri: str, tmp_path: Path) -> None:
    content = {"sources": [{"uri": uri}], "model": "auto", "publish": {"endpoint": "tcp://*:5570"}}
    assert resolve_beside(content, tmp_path) == content


def test_a_file_of_that_name_goes_before_a_camera(tmp_path: Path) -> None:
    (tmp_path / "0").touch()
    content = resolve_beside({"sources": [{"uri": "0"}, {"uri": " 0 "}]}, tmp_path)
    assert content == {"sources": [{"uri": f"{tmp_path}/0"}, {"uri": f"{tmp_path}/0"}]}


@pytest.mark.parametrize(
    "content", [None, 3, [], {"sources": 1}, {"model": ["a"]}, {"record": "a"}, {"odd": {"a": "b"}}]
)
def test_content_that_is_not_valid_is_left_to_the_check(content: Any, tmp_path: Path) -> None:
    assert resolve_beside(content, tmp_path) == content
