from pathlib import Path

import pytest

from models.whole_file import write_whole

pytestmark = pytest.mark.torch


def test_a_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "new" / "scores.json"
    write_whole(path, b"first")
    with path.open("rb") as reader:
        write_whole(path, b"second")
        assert reader.read() == b"first", "who reads has the file that he opened"
    assert path.read_bytes() == b"second"
    assert list(path.parent.iterdir()) == [path]


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "scores.json"
    (folder / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match=r"scores\.json"):
        write_whole(folder, b"all of it")
    assert list(tmp_path.iterdir()) == [folder]
