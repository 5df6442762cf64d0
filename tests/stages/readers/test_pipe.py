import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pipeline.source import EndOfSource, Geometry, SourceError, SourceStalled
from stages.kernels.pixels import Pixels
from stages.readers.pipe import PipeReader
from stages.readers.reader import Reader
from stages.readers.uri import Address, Kind

VIEW = np.zeros((1, 1, 3), np.uint8)


class ByteReader:
    """Stands for a decoder: each byte of the pipe is the time of a frame."""

    def __init__(self, uri: str) -> None:
        assert uri.startswith("pipe:")
        self._fd = int(uri.removeprefix("pipe:"))
        self.is_open = False

    def open(self, first_frame: int) -> Geometry:
        self.is_open = True
        return Geometry(1, 1)

    def read(self, frame: Pixels) -> int:
        try:
            byte = os.read(self._fd, 1)
        except BlockingIOError:
            raise SourceStalled(f"pipe:{self._fd}: sent nothing") from None
        if not byte:
            raise SourceError(f"pipe:{self._fd}: the stream ended")
        if byte == b"!":
            raise SourceError(f"pipe:{self._fd}: not understood")
        return byte[0]

    def close(self) -> None:
        self.is_open = False


@pytest.fixture
def ends() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    for fd in (reading, writing):
        try:
            os.close(fd)
        except OSError:
            continue  # the test has closed it


def make(path: object, silence_s: float = 5.0) -> PipeReader:
    def open_stream(uri: str) -> Reader:
        return ByteReader(uri)

    return PipeReader(Address(Kind.PIPE, "the pipe", str(path)), open_stream, silence_s)


def path_of(fd: int) -> str:
    return f"/proc/{os.getpid()}/fd/{fd}"


def test_what_is_written_is_read_and_the_end_is_the_end(ends: tuple[int, int]) -> None:
    reading, writing = ends
    os.write(writing, bytes([1, 2]))
    reader = make(path_of(reading))
    assert reader.open(0) == Geometry(1, 1)
    assert [reader.read(VIEW), reader.read(VIEW)] == [1, 2]
    os.close(writing)
    with pytest.raises(EndOfSource):
        reader.read(VIEW)
    reader.close()


def test_a_pipe_that_ended_before_it_was_opened_has_ended(ends: tuple[int, int]) -> None:
    reading, writing = ends
    os.close(writing)
    with pytest.raises(EndOfSource):
        make(path_of(reading)).open(0)


def test_a_writer_that_is_silent_is_stalled_and_its_other_readers_go_on(
    ends: tuple[int, int],
) -> None:
    reading, writing = ends
    os.write(writing, bytes([1]))
    reader = make(path_of(reading))
    reader.open(0)
    reader.read(VIEW)
    with pytest.raises(SourceStalled, match="the pipe: sent nothing for 5 s"):
        reader.read(VIEW)
    assert os.get_blocking(reading)  # opened anew: others that read there still wait
    reader.close()


def test_nobody_who_writes_is_waited_for_and_told(ends: tuple[int, int]) -> None:
    with pytest.raises(SourceError, match=r"the pipe: nobody has written for 0\.01 s"):
        make(path_of(ends[0]), silence_s=0.01).open(0)


def test_a_failure_before_the_end_names_the_pipe_as_the_user_does(ends: tuple[int, int]) -> None:
    reading, writing = ends
    os.write(writing, b"!\x07")
    reader = make(path_of(reading))
    reader.open(0)
    with pytest.raises(SourceError, match=r"^the pipe: not understood$"):
        reader.read(VIEW)
    reader.close()
    reader.open(1)  # as after every failure of a live source
    assert reader.read(VIEW) == 7


def test_a_writer_of_a_fifo_may_come_late_and_leave_early(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = make(fifo)
    writer = threading.Thread(target=fifo.write_bytes, args=(bytes([3]),))
    writer.start()
    reader.open(0)
    writer.join()
    assert reader.read(VIEW) == 3
    with pytest.raises(EndOfSource):
        reader.read(VIEW)


def test_what_is_no_pipe_any_more_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path, why in (("file", "expected a pipe, got something else"), ("none", "No such file")):
        with pytest.raises(SourceError, match=f"the pipe: {why}"):
            make(tmp_path / path).open(0)
