"""The output files of a run, claimed against a process of its own as the other line."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import LineError
from pipeline.memory.file_lock import FileLock, check_free
from stages.recording import claims as claims_module
from stages.recording.claims import Claims
from stages.recording.day_files import set_aside
from stages.recording.outputs import Output
from tests.pipeline.memory.test_file_lock import Hold, hold
from tests.running_line import REPOSITORY

__all__ = ["hold"]


def of(*paths: Path) -> list[Output]:
    return [Output("record.video", path) for path in paths]


def test_a_file_of_a_living_line_is_refused_and_nothing_is_left(hold: Hold, tmp_path: Path) -> None:
    held = tmp_path / "held.mp4"
    holder = hold(held)
    with pytest.raises(LineError) as refused:
        Claims(of(tmp_path / "a/b/first.mp4", held))
    assert str(refused.value) == (
        f"record.video: {held}: process {holder.pid} writes it now; is another line running there?"
    )
    assert list(tmp_path.iterdir()) == [held]
    Claims(of(tmp_path / "a/b/first.mp4")).close(ran=False)  # it was let go


def test_frames_of_another_size_of_a_living_line_are_refused(hold: Hold, tmp_path: Path) -> None:
    holder = hold(tmp_path / "gate.mp4")
    with pytest.raises(LineError, match=f"for frames of that size, process {holder.pid} writes it"):
        Claims(of(tmp_path / "gate.640x480.mp4"))
    Claims(of(tmp_path / "gate.old.mp4", tmp_path / "gate.x480.mp4")).close(ran=False)


def test_a_size_in_a_name_is_no_claim_by_itself(tmp_path: Path) -> None:
    (tmp_path / "gate.mp4").write_text("nobody writes this")
    Claims(of(tmp_path / "gate.640x480.mp4", tmp_path / "none.640x480.mp4")).close(ran=True)


def test_what_was_there_stays_and_what_was_made_for_nothing_goes(tmp_path: Path) -> None:
    before = tmp_path / "before.mp4"
    before.write_text("of an earlier run")
    claims = Claims(of(before, tmp_path / "new/folder/out.mp4"))
    assert (tmp_path / "new/folder/out.mp4").exists()
    claims.close(ran=False)
    assert list(tmp_path.iterdir()) == [before]
    assert before.read_text() == "of an earlier run"


def test_a_video_of_a_camera_that_never_came_goes(tmp_path: Path) -> None:
    """Folders stay, as do files of messages and events that are none."""
    jsonl, video = tmp_path / "a/out.jsonl", tmp_path / "b/out.mp4"
    events = tmp_path / "a/events.jsonl"
    claims = Claims(
        [
            Output("record.jsonl", jsonl),
            Output("record.events", events),
            Output("record.video", video),
        ]
    )
    claims.close(ran=True)
    assert jsonl.exists()
    assert events.exists()
    assert list((tmp_path / "b").iterdir()) == []


def test_a_file_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LineError, match=r"record.video: cannot write .*/file/out: Not a directory"):
        Claims(of(tmp_path / "file/out"))


def test_names_that_a_file_system_takes_for_one_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as names that differ in case, on FAT."""

    class CaseBlind(FileLock):
        def __init__(self, path: Path) -> None:
            super().__init__(path.with_name(path.name.lower()))

    monkeypatch.setattr(claims_module, "FileLock", CaseBlind)
    with pytest.raises(LineError, match=r"own, got .*/Gate.mp4: that is .*/gate.mp4, too"):
        Claims(of(tmp_path / "gate.mp4", tmp_path / "Gate.mp4"))


def test_more_files_are_locked_all_or_none(hold: Hold, tmp_path: Path) -> None:
    first, second, held = (tmp_path / f"{name}.mp4" for name in ("first", "second", "held"))
    claims = Claims(of(first))
    assert claims.add(of(first, second)) == tuple(of(second))
    claims.drop(of(second))
    assert claims.outputs == tuple(of(first))
    holder = hold(held)
    with pytest.raises(LineError, match=f"process {holder.pid} writes it now"):
        claims.add(of(second, held))
    assert claims.outputs == tuple(of(first))
    assert sorted(tmp_path.iterdir()) == [first, held]
    claims.close(ran=False)


CLAIM = """
import sys
from pathlib import Path
from pipeline.memory.file_lock import check_free
from stages.recording.claims import Claims
from stages.recording.day_files import set_aside
from stages.recording.outputs import Output
claims = Claims([Output(sys.argv[2], Path(sys.argv[1]))])
print("held", flush=True)
for line in sys.stdin:
    claims.follow()
    print("followed", flush=True)
"""


def test_the_file_of_a_new_day_is_held_and_before_that_the_day_before(tmp_path: Path) -> None:
    path = tmp_path / "gate.jsonl"
    with subprocess.Popen(
        [sys.executable, "-c", CLAIM, str(path), "record.jsonl"],
        cwd=REPOSITORY, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as line:  # fmt: skip
        assert line.stdin is not None
        assert line.stdout is not None
        assert line.stdout.readline() == "held\n"
        path.write_text("a\n")
        aside = set_aside(path, "2026-11-29")
        path.write_text("b\n")
        output = Output("record.jsonl", path)
        with pytest.raises(LineError, match=f"for another day, process {line.pid} writes it now"):
            Claims([output])
        line.stdin.write("\n")
        line.stdin.flush()
        assert line.stdout.readline() == "followed\n"
        with pytest.raises(LineError, match=f"process {line.pid} writes it now"):
            Claims([output])
        with aside.open("rb") as file:
            check_free(file.fileno())
        line.stdin.close()
    claims = Claims([output])
    claims.close(ran=True)
    assert path.read_text() == "b\n"


def test_a_folder_that_was_removed_is_held_when_it_is_there_again(tmp_path: Path) -> None:
    path = tmp_path / "record" / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", CLAIM, str(path), "record.folder"],
        cwd=REPOSITORY, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as line:  # fmt: skip
        assert line.stdin is not None
        assert line.stdout is not None
        assert line.stdout.readline() == "held\n"
        for is_there in (False, True):
            if is_there:
                path.parent.mkdir()
            else:
                shutil.rmtree(path.parent)
            line.stdin.write("\n")
            line.stdin.flush()
            assert line.stdout.readline() == "followed\n"
        with pytest.raises(LineError, match=f"process {line.pid} writes it now"):
            Claims([Output("record.folder", path)])
        line.stdin.close()
