"""Every file that a run would overwrite is refused, whatever it is called."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import LineError
from stages.config import LineConfig, SourceConfig
from stages.events.record_config import RecordConfig
from stages.recording.inputs import Input
from stages.recording.outputs import (
    BEGUN,
    EVENTS_BEGUN,
    MARK,
    Output,
    check_outputs,
    file_id,
    find_outputs,
    find_written,
    video_path,
)


def refuse(path: Path, *inputs: Path) -> str:
    with pytest.raises(LineError) as refused:
        check_outputs([Output("record.jsonl", path)], [Input("what is read", i) for i in inputs])
    return str(refused.value)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip"
    path.write_text("kept")
    return path


def by_itself(clip: Path) -> Path:
    return clip


def by_symlink(clip: Path) -> Path:
    path = clip.with_name("symlink")
    path.symlink_to(clip)
    return path


def by_link_to_its_folder(clip: Path) -> Path:
    path = clip.with_name("folder")
    path.symlink_to(clip.parent)
    return path / clip.name


def by_hard_link(clip: Path) -> Path:
    path = clip.with_name("hardlink")
    path.hardlink_to(clip)
    return path


def by_another_spelling(clip: Path) -> Path:
    (clip.parent / "sub").mkdir()
    return Path(f"{clip.parent}/./sub/..//{clip.name}")


def by_a_relative_path(clip: Path) -> Path:
    return Path(os.path.relpath(clip))


def by_an_open_file(clip: Path) -> Path:
    return Path(f"/proc/self/fd/{os.open(clip, os.O_RDONLY)}")


NAMES = [
    by_itself, by_symlink, by_link_to_its_folder, by_hard_link, by_another_spelling,
    by_a_relative_path, by_an_open_file,
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_read_is_refused_by_each_of_its_names(
    clip: Path, name: Callable[[Path], Path]
) -> None:
    path = name(clip)
    said = refuse(path, clip)
    assert said == f"record.jsonl: expected a file of its own, got {path}: that is what is read"
    assert refuse(clip, path).endswith("that is what is read")
    assert clip.read_text() == "kept"


@pytest.mark.parametrize(
    "name", [by_itself, by_symlink, by_link_to_its_folder, by_another_spelling]
)
def test_two_recordings_in_one_file_are_refused_before_there_is_one(
    tmp_path: Path, name: Callable[[Path], Path]
) -> None:
    path = tmp_path / "out"
    outputs = [Output("record.jsonl", path), Output("record.video", name(path))]
    with pytest.raises(LineError, match=r"record\.video: .*: that is a file of record.jsonl, too"):
        check_outputs(outputs, [])
    assert not path.exists()


def test_two_recordings_in_one_file_are_refused_before_there_is_its_folder(tmp_path: Path) -> None:
    outputs = [Output("record.jsonl", tmp_path / "a/b/c"), Output("b", tmp_path / "a/x/../b/c")]
    with pytest.raises(LineError, match=r"that is a file of record\.jsonl, too"):
        check_outputs(outputs, [])


@pytest.mark.parametrize("name", ["0007.png", "x.JPG"])
def test_a_recording_that_would_be_read_as_an_image_is_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    said = refuse(folder / name, folder)
    assert said == (
        f"record.jsonl: expected a file outside of what is read, got {folder / name}: "
        "it would be read as an image"
    )
    elsewhere = tmp_path / "elsewhere"
    (folder / "link.png").symlink_to(elsewhere)
    assert "it would be read as an image" in refuse(folder / "link.png", folder)
    check_outputs([Output("record.jsonl", folder / "out.jsonl")], [Input("read", folder)])


def test_all_is_compared_before_anything_is_opened(clip: Path, tmp_path: Path) -> None:
    """A pipe would let a writer wait, and a file with a lease would tell its owner."""
    os.mkfifo(tmp_path / "pipe")
    outputs = [Output("record.jsonl", tmp_path / "pipe"), Output("record.video", clip)]
    with pytest.raises(LineError, match="that is what is read"):
        check_outputs(outputs, [Input("what is read", clip)])


def test_a_look_makes_nothing_and_changes_nothing(clip: Path, tmp_path: Path) -> None:
    before = clip.stat()
    outputs = [Output("a", clip), Output("b", tmp_path / "new/out"), Output("c", tmp_path / "out")]
    check_outputs(outputs, [])
    assert list(tmp_path.iterdir()) == [clip]
    assert clip.stat() == before


def test_a_file_has_one_identity_and_others_have_another(clip: Path, tmp_path: Path) -> None:
    assert len({file_id(name(clip)) for name in NAMES}) == 1
    others = {file_id(tmp_path / name) for name in ("a", "b", "new/a", "new/b", "clip/a", "")}
    assert len(others) == 6
    assert file_id(clip) not in others


def test_each_camera_has_a_video(tmp_path: Path) -> None:
    sources = (SourceConfig(uri="0"), SourceConfig(uri="1", name="gate"))
    record = RecordConfig(jsonl="a.jsonl", events="b.jsonl", video="{camera}/out.mp4")
    assert list(find_outputs(LineConfig(sources=sources, record=record))) == [
        Output("record.jsonl", Path("a.jsonl")),
        Output("record.events", Path("b.jsonl")),
        Output("record.video", Path("cam0/out.mp4")),
        Output("record.video", Path("gate/out.mp4")),
    ]
    assert list(find_outputs(LineConfig(sources=sources))) == []


def test_files_that_were_begun_are_told(tmp_path: Path) -> None:
    record = RecordConfig(jsonl="a.jsonl", events="b.jsonl")
    config = LineConfig(sources=(SourceConfig(uri="0"),), record=record)
    assert find_written(config, tmp_path) == ()
    (tmp_path / EVENTS_BEGUN).touch()
    assert find_written(config, tmp_path) == (Path("b.jsonl"),)
    (tmp_path / BEGUN).touch()
    (tmp_path / f"{MARK}cam0.64x48").symlink_to("c.mp4")
    assert find_written(config, tmp_path) == (Path("a.jsonl"), Path("b.jsonl"), Path("c.mp4"))
    unwanted = LineConfig(sources=(SourceConfig(uri="0"),))
    assert find_written(unwanted, tmp_path) == (Path("c.mp4"),)


@pytest.mark.parametrize(
    ("template", "camera", "size_wh", "path"),
    [
        ("out/video.mp4", "yard", None, "out/video.mp4"),
        ("out/video.mp4", "yard", (64, 48), "out/video.64x48.mp4"),
        ("out/{camera}.mp4", "yard", None, "out/yard.mp4"),
        ("{camera}/all.mp4", "yard", (64, 48), "yard/all.64x48.mp4"),
    ],
)
def test_videos_are_named_by_camera_and_size(
    template: str, camera: str, size_wh: tuple[int, int] | None, path: str
) -> None:
    assert video_path(template, camera, size_wh) == Path(path)
