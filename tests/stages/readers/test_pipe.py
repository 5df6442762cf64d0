import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from pipeline.source import EndOfSource, PtsOrigin, SourceError, SourceGone, SourceStalled
from stages.kernels.picture import Picture, PictureFormat
from stages.readers.pipe import PipeConnection, PipeFileReader
from stages.readers.pipe_content import has_data
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
    """How many frames come before the end, or before the writer goes."""
    picture = Picture(form, np.empty(form.nbytes, np.uint8))
    frames = 0
    try:
        while True:
            frames += reader.read(picture) is not None
    except EndOfSource:
        assert isinstance(reader, PipeFileReader), "a live pipe has no end"
        return frames
    except SourceError as error:
        if str(error) != "the pipe: the stream ended":
            raise
        return frames


@pytest.mark.parametrize("make", [make_reader, PipeFileReader])
def test_what_is_written_is_read_to_the_end(
    ends: tuple[int, int], clip: bytes, make: Callable[[PipeConnection], StreamReader]
) -> None:
    reading, writing = ends
    os.write(writing, clip)
    os.close(writing)
    reader = make(connection(path_of(reading)))
    assert read_to_end(reader, reader.open(0)) == FRAMES
    reader.close()


def test_a_live_pipe_without_a_name_is_gone_with_its_writer(
    ends: tuple[int, int], clip: bytes
) -> None:
    reading, writing = ends
    os.write(writing, clip)
    os.close(writing)
    reader = make_reader(connection(path_of(reading)))
    read_to_end(reader, reader.open(0))
    reader.close()
    with pytest.raises(SourceGone, match=r"^the pipe: its writer has gone, and no other can come$"):
        reader.open(0)


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
    with pytest.raises(SourceGone):
        make_reader(connection(path_of(reading))).open(0)
    with pytest.raises(EndOfSource):
        PipeFileReader(connection(path_of(reading))).open(0)


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


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


def read_of_a_writer(reader: StreamReader, fifo: Path, clip: bytes) -> int:
    """How many frames come of one who opens the FIFO, writes and goes."""
    writer = threading.Thread(target=fifo.write_bytes, args=(clip,))
    writer.start()
    form = reader.open(0)
    writer.join()
    frames = read_to_end(reader, form)
    reader.close()
    return frames


def test_each_writer_of_a_fifo_is_read_whenever_it_comes(fifo: Path, clip: bytes) -> None:
    reader = make_reader(connection(fifo, silence_s=60.0))
    assert [read_of_a_writer(reader, fifo, clip) for _ in range(3)] == [FRAMES] * 3


def test_a_fifo_without_a_next_writer_is_waited_for_and_told(fifo: Path, clip: bytes) -> None:
    pipe = connection(fifo, silence_s=60.0)
    reader = make_reader(pipe)
    read_of_a_writer(reader, fifo, clip)
    pipe.silence_s = 0.01
    for _ in range(2):
        with pytest.raises(SourceError, match=r"the pipe: nobody has written for 0\.01 s"):
            reader.open(0)


def test_a_fifo_is_never_without_a_reader_while_writers_change(fifo: Path, clip: bytes) -> None:
    """A writer that opened it before the reader had seen the other go would die of SIGPIPE."""
    pipe = connection(fifo, silence_s=60.0)
    reader = make_reader(pipe)
    read_of_a_writer(reader, fifo, clip)
    next_writer = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)  # fails where nobody reads
    os.write(next_writer, clip)
    os.close(next_writer)
    assert read_to_end(reader, reader.open(0)) == FRAMES


def test_a_fifo_that_was_made_anew_is_found(fifo: Path, clip: bytes) -> None:
    pipe = connection(fifo, silence_s=0.01)
    reader = make_reader(pipe)
    with pytest.raises(SourceError, match="nobody has written"):
        reader.open(0)
    fifo.unlink()
    with pytest.raises(SourceError, match="nobody has written"):
        reader.open(0)
    with pytest.raises(SourceError, match="the pipe: No such file"):
        reader.open(0)
    os.mkfifo(fifo)
    pipe.silence_s = 60.0
    assert read_of_a_writer(reader, fifo, clip) == FRAMES


def test_data_in_a_pipe_is_seen_and_left_there(fifo: Path, clip: bytes) -> None:
    assert not has_data(fifo.parent / "none")
    assert not has_data(fifo)
    pipe = connection(fifo, silence_s=60.0)
    with pytest.raises(SourceError):
        connection(fifo, silence_s=0.01).wait()
    reading = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    with fifo.open("wb") as writer:
        assert not has_data(fifo), "its writer has come, and has written nothing"
        writer.write(clip)
        writer.flush()
        assert has_data(fifo)
        reader = make_reader(pipe)
        form = reader.open(0)
    os.close(reading)
    assert read_to_end(reader, form) == FRAMES


def test_what_is_no_pipe_any_more_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path, why in (("file", "expected a pipe, got something else"), ("none", "No such file")):
        with pytest.raises(SourceError, match=f"the pipe: {why}"):
            connection(tmp_path / path).connect()
