import os
import struct
from pathlib import Path

import pytest

from pipeline.errors import LineError
from stages.tracking.memory import NOTHING, Memory, TrackMemory
from tests.log_lines import hear

FIRST, SECOND = Memory(3, 1, b"first"), Memory(4, 2, b"the second")


def written(folder: Path, *memories: Memory) -> None:
    memory = TrackMemory(folder, 0)
    for content in memories:
        memory.write(content)
    memory.close()


def found(folder: Path, camera: int = 0) -> Memory:
    memory = TrackMemory(folder, camera)
    memory.close()
    return memory.found


def test_the_first_process_of_a_run_knows_nothing(tmp_path: Path) -> None:
    assert found(tmp_path) == NOTHING


def test_a_successor_knows_what_was_written_last(tmp_path: Path) -> None:
    written(tmp_path, FIRST)
    assert found(tmp_path) == FIRST
    written(tmp_path, SECOND)
    assert found(tmp_path) == SECOND
    assert found(tmp_path) == SECOND


def test_each_camera_has_its_own(tmp_path: Path) -> None:
    written(tmp_path, FIRST)
    assert found(tmp_path, camera=1) == NOTHING


def test_a_process_that_is_killed_while_it_writes_leaves_what_was_before(tmp_path: Path) -> None:
    """Everything but the head is written, over the content of two frames before."""
    written(tmp_path, Memory(2, 1, b"x" * 100), FIRST)
    spoiled = os.open(tmp_path / "tracks.0.1", os.O_RDWR)
    os.pwrite(spoiled, b"y" * 50, 40)
    os.close(spoiled)
    assert found(tmp_path) == FIRST
    written(tmp_path, SECOND)
    assert found(tmp_path) == SECOND


def test_a_process_that_is_killed_before_it_counts_its_turn_leaves_what_was_before(
    tmp_path: Path,
) -> None:
    written(tmp_path, Memory(2, 1, b"x" * 100), FIRST)
    spoiled = os.open(tmp_path / "tracks.0.1", os.O_RDWR)
    os.pwrite(spoiled, struct.pack("=qqQ", SECOND.frame_id, SECOND.epoch, 50) + b"y" * 50, 8)
    os.close(spoiled)
    assert found(tmp_path) == FIRST


@pytest.mark.parametrize("size", [0, 1, 70_000, 300_000])
def test_content_of_any_size_comes_back(tmp_path: Path, size: int) -> None:
    content = Memory(7, 3, bytes(k % 251 for k in range(size)))
    written(tmp_path, content)
    assert found(tmp_path) == content
    written(tmp_path, FIRST, content, SECOND)
    assert found(tmp_path) == SECOND


def test_shared_memory_that_is_full_is_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    with pytest.raises(LineError, match=r"tracks\.0\.0: 65536 bytes: No space left on device"):
        TrackMemory(tmp_path, 0)


def test_where_there_is_no_room_to_grow_the_last_that_fitted_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> None:
        raise OSError(28, "No space left on device")

    memory = TrackMemory(tmp_path, 0)
    memory.write(FIRST)
    with hear() as said:
        with monkeypatch.context() as full:
            full.setattr(os, "posix_fallocate", refuse)
            memory.write(Memory(5, 1, bytes(100_000)))
            memory.write(Memory(6, 1, bytes(100_000)))
        assert found(tmp_path) == FIRST
        memory.write(SECOND)
    assert said == [
        "tracks: 100000 bytes: No space left on device: a killed process would forget its tracks"
    ]
    assert found(tmp_path) == SECOND
    memory.write(Memory(7, 1, bytes(100_000)))
    assert found(tmp_path).frame_id == 7
    memory.close()
