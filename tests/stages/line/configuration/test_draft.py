"""What is written into a configuration file when cameras come, leave or change."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from stages.config import SourceConfig
from stages.line.configuration.config_source import CommandLine, ConfigSource
from stages.line.configuration.draft import Draft, draft_file

TEXT = """\
# the house
sources:
  - name: gate        # the gate
    uri: clips/gate.mp4
  - name: yard
    uri: rtsp://cam/1
    retry: {cap_s: 5}
log: DEBUG
"""


@pytest.fixture
def source(tmp_path: Path) -> ConfigSource:
    path = tmp_path / "line.yaml"
    path.write_text(TEXT)
    return ConfigSource(path)


def draft(source: ConfigSource, sources: tuple[SourceConfig, ...], **more: Any) -> Draft:
    read = source.read()
    wanted = msgspec.structs.replace(read.config, sources=sources, **more)
    return draft_file(source, read, wanted)


def now(source: ConfigSource) -> tuple[SourceConfig, ...]:
    return source.read().config.sources


DOOR = SourceConfig(name="door", uri="rtsp://door/1", fps=5.0)


def test_a_camera_that_comes_is_written_after_the_others(source: ConfigSource) -> None:
    found = draft(source, (*now(source), DOOR))
    assert found.unsaved == ()
    text = found.reading.text.decode()
    assert text.startswith(TEXT.partition("log:")[0])
    assert text.endswith("log: DEBUG\n")
    assert source.parse(found.reading.text).config.sources == (*now(source), DOOR)


@pytest.mark.parametrize("leaving", [0, 1])
def test_a_camera_that_leaves_takes_its_lines_along(source: ConfigSource, leaving: int) -> None:
    staying = now(source)[1 - leaving]
    found = draft(source, (staying,))
    assert found.unsaved == ()
    text = found.reading.text.decode()
    assert ("# the gate" in text, "retry: {cap_s: 5}" in text) == (leaving == 1, leaving == 0)
    assert text.startswith("# the house\n")


def test_what_stays_keeps_its_words_though_others_come_and_go(source: ConfigSource) -> None:
    gate = msgspec.structs.replace(now(source)[0], fps=2.0)
    found = draft(source, (DOOR, gate), log="INFO")
    assert found.unsaved == ()
    text = found.reading.text.decode()
    assert "uri: clips/gate.mp4" in text  # relative, as it was written
    assert source.parse(found.reading.text).config.sources == (DOOR, gate)


def test_the_command_line_keeps_its_cameras_out_of_the_file(source: ConfigSource) -> None:
    command_line = CommandLine(sources=("rtsp://other/1",))
    source = ConfigSource(source.path, command_line)
    found = draft(source, (*now(source), DOOR))
    assert found.reading.text.decode() == TEXT
    assert found.unsaved
    assert all("the command line gives sources" in why for why in found.unsaved)


def test_an_output_may_change_with_the_cameras(source: ConfigSource) -> None:
    """What the file says of it before would not go with several cameras."""
    source.path.write_text("sources: [{name: gate, uri: a.mp4}]\nrecord: {video: /tmp/a.mp4}\n")
    record = msgspec.structs.replace(source.read().config.record, video="/tmp/{camera}.mp4")
    found = draft(source, (*now(source), DOOR), record=record)
    assert found.unsaved == ()
    assert source.parse(found.reading.text).config.record.video == "/tmp/{camera}.mp4"
