"""Standard input, another open file, or a FIFO: what somebody writes is read once, as it comes."""

import os
import select
import stat
from collections.abc import Callable

from pipeline.source import EndOfSource, SourceError
from stages.kernels.picture import PictureFormat
from stages.readers.decoding.demuxer import Demuxer, PacketSource
from stages.readers.file import FileReader
from stages.readers.network import STREAM_OPTIONS
from stages.readers.uri import Address

_MS_PER_S = 1000


class PipeConnection:
    """A pipe that stays open while its readers come and go.

    Args:
        address: of a pipe.
        silence_s: how long nothing may come.
    """

    def __init__(self, address: Address, silence_s: float) -> None:
        self.name, self._path = address.name, address.location
        self.silence_s = silence_s
        self._fd = -1

    def wait(self) -> str:
        """What libavformat calls the pipe, as soon as there is something to read in it.

        Raises:
            EndOfSource: all is read, and nobody can write any more.
            SourceError: there is no such pipe, or nobody writes.
        """
        if self._fd < 0:
            self._fd = self._open()
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        events = poll.poll(self.silence_s * _MS_PER_S)
        if not events:
            raise SourceError(f"{self.name}: nobody has written for {self.silence_s:g} s")
        if not events[0][1] & select.POLLIN:
            raise EndOfSource
        return f"pipe:{self._fd}"

    def connect(self) -> PacketSource:
        """Raises EndOfSource, SourceError."""
        return _PipeDemuxer(
            self.wait(), name=self.name, options=STREAM_OPTIONS, silence_s=self.silence_s
        )

    def _open(self) -> int:
        """Open it again, so that no other process is disturbed by its being non-blocking.

        A decoder that reads from a pipe that blocks can neither be stopped nor give up.
        """
        try:
            fd = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise SourceError(f"{self.name}: {error.strerror}") from None
        if not stat.S_ISFIFO(os.fstat(fd).st_mode):
            os.close(fd)
            raise SourceError(f"{self.name}: expected a pipe, got something else by now")
        return fd


class PipeFileReader(FileReader):
    """Reads every frame of a pipe while its writer waits."""

    def __init__(
        self,
        pipe: PipeConnection,
        *,
        fps: float | None = None,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(
            "", name=pipe.name, fps=fps, options=STREAM_OPTIONS, silence_s=pipe.silence_s,
            alive=alive,
        )  # fmt: skip
        self._pipe = pipe

    def open(self, first_frame: int) -> PictureFormat:
        """What was read by a process that died is gone: the next frame is the one that comes."""
        self._uri = self._pipe.wait()
        return super().open(0)


class _PipeDemuxer(Demuxer):
    """The end of a pipe is its end, not a failure of a stream that has none."""

    @property
    def is_finite(self) -> bool:
        return True
