"""The log of events: what is appended is read once, whoever is killed in between."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from pipeline.memory.event_log import EventLogReader, EventLogWriter
from tests.running_line import REPOSITORY


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[EventLogReader]:
    reader = EventLogReader(tmp_path)
    yield reader
    reader.close()


def make(number: int) -> bytes:
    """An event of some length; the longest ones are of a track that ends."""
    return f"{number} ".encode().ljust(Random(number).randint(10, 1500), b".")


def numbers(reader: EventLogReader) -> list[int]:
    return [int(event.split()[0]) for event in reader.read()]


def append(run_dir: Path, *events: int) -> None:
    writer = EventLogWriter(run_dir)
    for event in events:
        writer.append(make(event))
    writer.close()


def test_events_are_read_in_order_and_once(tmp_path: Path, reader: EventLogReader) -> None:
    assert numbers(reader) == []
    append(tmp_path, 0, 1, 2)
    assert numbers(reader) == [0, 1, 2]
    assert numbers(reader) == []
    append(tmp_path, 3)
    assert numbers(reader) == [3]
    assert numbers(EventLogReader(tmp_path)) == [0, 1, 2, 3]


def test_the_oldest_go_and_the_newest_thousand_stay(tmp_path: Path) -> None:
    writer = EventLogWriter(tmp_path)
    keeping_up, late = EventLogReader(tmp_path), EventLogReader(tmp_path)
    seen = []
    for event in range(5000):
        writer.append(make(event))
        if event % 7 == 0:
            seen += numbers(keeping_up)
    seen += numbers(keeping_up)
    assert seen == list(range(5000))
    left = numbers(late)
    assert left == list(range(left[0], 5000))
    assert len(left) >= 650  # of 755 bytes each
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < (1 << 20) + 2000
    writer.close()


def test_a_reader_that_falls_behind_goes_on_with_what_is_left(
    tmp_path: Path, reader: EventLogReader
) -> None:
    append(tmp_path, 0)
    assert numbers(reader) == [0]
    append(tmp_path, *range(1, 5000))
    read = numbers(reader)
    assert read == sorted(read)
    assert read[-1] == 4999


@pytest.mark.parametrize("whole", [0, 1, 3, 4, 5, 20])
def test_a_record_that_was_cut_off_is_written_anew(
    tmp_path: Path, reader: EventLogReader, whole: int
) -> None:
    append(tmp_path, 0, 1)
    (segment,) = tmp_path.iterdir()
    before = segment.stat().st_size
    append(tmp_path, 2)
    os.truncate(segment, before + whole)
    assert numbers(reader) == [0, 1]
    append(tmp_path, 2, 3)
    assert numbers(reader) == [2, 3]


_WRITING = """
import sys
from pathlib import Path
from pipeline.memory.event_log import EventLogWriter
from tests.pipeline.memory.test_event_log import make

writer, event = EventLogWriter(Path(sys.argv[1])), 0
while True:
    writer.append(make(event))
    sys.stdout.buffer.raw.write(b".")
    event += 1
"""


def test_a_writer_that_is_killed_leaves_all_that_it_had_appended(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _WRITING, str(tmp_path)], cwd=REPOSITORY, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        said = len(process.stdout.read(2000))
        process.kill()
        said += len(process.stdout.read())
    found = numbers(EventLogReader(tmp_path))
    assert found[-1] + 1 in (said, said + 1)
    append(tmp_path, found[-1] + 1)
    assert numbers(EventLogReader(tmp_path))[-2:] == [found[-1], found[-1] + 1]


def test_where_shared_memory_is_full_events_are_left_out_and_that_is_said_once(
    tmp_path: Path,
    reader: EventLogReader,
    said: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writer = EventLogWriter(tmp_path)
    writer.append(make(0))

    def refuse(fd: int, data: bytes, offset: int) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "pwrite", refuse)
        writer.append(make(1))
        full.setattr(os, "pwrite", lambda _fd, data, _offset: len(data) - 1)
        writer.append(make(2))
    writer.append(make(3))
    writer.close()
    assert numbers(reader) == [0, 3]
    assert len(said) == 1
    assert said[0].endswith("No space left on device: services that are down now will miss some")
