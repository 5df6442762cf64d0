import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pipeline.source import EndOfSource, PtsOrigin, SourceError, SourceStalled
from stages.kernels.picture import Picture, PictureFormat
from stages.readers.pipe import PipeConnection, PipeFileReader
from stages.readers.stream import StreamReader
from stages.readers.uri import Address, Kind
from tests.clips import make_clip

FRAMES = 10


@pytest.fixture
def ends() -> Iterator[tuple[int, int]]:
    """Numbers of the reading and the writing end; a test may close the latter."""
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)
    if Path(f"/proc/self/fd/{writing}").exists():
        os.close(writing)


@pytest.fixture
def clip(tmp_path: Path) -> bytes:
    return make_clip(tmp_path / "clip.avi", FRAMES).read_bytes()


def connection(path: object, silence_s: float = 5.0) -> PipeConnection:
    return PipeConnection(Address(Kind.PIPE, "the pipe", str(path)), silence_s)


def path_of(fd: int) -> str:
    return f"/proc/{os.getpid()}/fd/{fd}"


def make_reader(pipe: PipeConnection) -> StreamReader:
    return StreamReader(pipe.name, pipe.connect, silence_s=pipe.silence_s)


def read_to_end(reader: StreamReader | PipeFileReader, form: PictureFormat) -> int:
    """How many frames come before the end."""
    picture = Picture(form, np.empty(form.nbytes, np.uint8))
    frames = 0
    try:
        while True:
            frames += reader.read(picture) is not None
    except EndOfSource:
        return frames


@pytest.mark.parametrize("make", [make_reader, PipeFileReader])
def test_what_is_written_is_read_and_the_end_is_the_end(
    ends: tuple[int, int], clip: bytes, make: type
) -> None:
    reading, writing = ends
    os.write(writing, clip)
    os.close(writing)
    reader = make(connection(path_of(reading)))
    assert read_to_end(reader, reader.open(0)) == FRAMES
    reader.close()


def test_a_process_that_is_started_again_goes_on_with_what_comes(
    ends: tuple[int, int], clip: bytes
) -> None:
    reading, writing = ends
    os.write(writing, clip)
    os.close(writing)
    reader = PipeFileReader(connection(path_of(reading)))
    assert read_to_end(reader, reader.open(1000)) == FRAMES


def test_raw_video_has_the_times_of_its_arrival(ends: tuple[int, int], clip: bytes) -> None:
    """An MJPEG stream is one JPEG after another: the clip without what AVI puts around them."""
    reading, writing = ends
    starts = [at for at in range(len(clip)) if clip[at : at + 3] == b"\xff\xd8\xff"]
    os.write(writing, b"".join(clip[a : clip.index(b"\xff\xd9", a) + 2] for a in starts))
    os.close(writing)
    reader = make_reader(connection(path_of(reading)))
    form = reader.open(0)
    assert reader.pts_origin is PtsOrigin.ARRIVAL
    assert read_to_end(reader, form) > 0


def test_a_pipe_that_ended_before_it_was_opened_has_ended(ends: tuple[int, int]) -> None:
    reading, writing = ends
    os.close(writing)
    with pytest.raises(EndOfSource):
        make_reader(connection(path_of(reading))).open(0)


def test_a_writer_that_falls_silent_is_stalled(ends: tuple[int, int], clip: bytes) -> None:
    reading, writing = ends
    os.write(writing, clip[: len(clip) * 3 // 4])
    reader = make_reader(connection(path_of(reading), silence_s=0.2))
    with pytest.raises(SourceStalled, match=r"the pipe: .*0\.2 s"):
        read_to_end(reader, reader.open(0))
    reader.close()


def test_other_readers_of_a_pipe_still_wait(ends: tuple[int, int]) -> None:
    with pytest.raises(SourceError):
        connection(path_of(ends[0]), silence_s=0.01).wait()
    assert os.get_blocking(ends[0])


def test_nobody_who_writes_is_waited_for_and_told(ends: tuple[int, int]) -> None:
    with pytest.raises(SourceError, match=r"the pipe: nobody has written for 0\.01 s"):
        make_reader(connection(path_of(ends[0]), silence_s=0.01)).open(0)


def test_what_is_no_video_names_the_pipe_as_the_user_does(ends: tuple[int, int]) -> None:
    reading, writing = ends
    os.write(writing, b"text\n" * 1000)
    os.close(writing)
    pipe = connection(path_of(reading))
    with pytest.raises(SourceError, match=r"^the pipe: this stream cannot be opened as video: "):
        make_reader(pipe).open(0)


def test_a_writer_of_a_fifo_may_come_late_and_leave_early(tmp_path: Path, clip: bytes) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = make_reader(connection(fifo, silence_s=60.0))
    writer = threading.Thread(target=fifo.write_bytes, args=(clip,))
    writer.start()
    form = reader.open(0)
    writer.join()
    assert read_to_end(reader, form) == FRAMES


def test_what_is_no_pipe_any_more_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path, why in (("file", "expected a pipe, got something else"), ("none", "No such file")):
        with pytest.raises(SourceError, match=f"the pipe: {why}"):
            connection(tmp_path / path).connect()
