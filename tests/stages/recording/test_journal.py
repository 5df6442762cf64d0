import contextlib
import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.recording.journal import Journal


@contextlib.contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """What a full disk does, to this process alone: no file grows beyond `size`."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal")
    yield journal
    journal.close()


def test_records_follow_one_another(journal: Journal) -> None:
    assert [journal.append(record) for record in (b"one", b"", b"three")] == [0, 3, 3]
    assert journal.path.read_bytes() == b"onethree"
    assert (journal.tail(5), journal.tail(99)) == (b"three", b"onethree")


def test_a_record_that_does_not_fit_leaves_no_trace(journal: Journal) -> None:
    journal.append(b"whole")
    with no_file_above(8), pytest.raises(OSError, match="File too large") as refused:
        journal.append(b"too long")
    assert refused.value.filename == str(journal.path)
    assert journal.path.read_bytes() == b"whole"
    assert journal.append(b" again") == 5
    assert journal.path.read_bytes() == b"whole again"


def test_a_journal_goes_on_where_it_ended_or_begins_anew(journal: Journal) -> None:
    journal.append(b"before")
    with contextlib.closing(Journal(journal.path)) as following:
        following.cut(3)
        following.append(b"ter")
        assert journal.path.read_bytes() == b"befter"
    with contextlib.closing(Journal(journal.path, anew=True)) as following:
        assert following.append(b"x") == 0
    assert journal.path.read_bytes() == b"x"


def test_a_file_that_was_removed_takes_no_record(journal: Journal) -> None:
    journal.append(b"before")
    journal.path.unlink()
    with pytest.raises(FileNotFoundError, match="removed while it is being written") as refused:
        journal.append(b"after")
    assert refused.value.filename == str(journal.path)


def test_nothing_is_written_behind_an_end_that_another_program_has_set(journal: Journal) -> None:
    journal.append(b"before")
    os.truncate(journal.path, 2)
    with pytest.raises(OSError, match="expected 6 bytes, got 2: another program has cut it off"):
        journal.append(b"after")
    assert journal.path.read_bytes() == b"be"
    assert (journal.follow(), journal.follow()) == (4, 0)
    assert journal.append(b"after") == 2
    assert journal.path.read_bytes() == b"beafter"
