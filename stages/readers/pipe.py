"""Standard input, another open file, or a FIFO: what somebody writes is read once, as it comes.

A live one whose writer goes is a camera that went. Another writer may come to a FIFO; nobody can
come to a pipe without a name.
"""

import os
import select
import stat
from collections.abc import Callable

from pipeline.source import EndOfSource, SourceError, SourceGone
from stages.kernels.picture import PictureFormat
from stages.readers.decoding.demuxer import Demuxer, PacketSource
from stages.readers.file import FileReader
from stages.readers.network import STREAM_OPTIONS
from stages.readers.pipe_content import poll
from stages.readers.uri import Address


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
            EndOfSource: all is read, and the last writer has closed the pipe.
            SourceError: there is no such pipe, or nobody writes.
        """
        if self._fd < 0:
            self._fd = self._open()
        events = poll(self._fd, self.silence_s)
        if not events:
            self._drop_if_replaced()
            raise SourceError(f"{self.name}: nobody has written for {self.silence_s:g} s")
        if not events & select.POLLIN:
            raise EndOfSource
        return f"pipe:{self._fd}"

    def connect(self) -> PacketSource:
        """The pipe as a live stream, from the next writer if the last one has gone.

        Raises:
            SourceGone: all is read, and no other writer can come.
            SourceError: there is no such pipe, or nobody writes.
        """
        try:
            url = self.wait()
        except EndOfSource:
            url = self._wait_for_next_writer()
        return _LivePipe(url, name=self.name, options=STREAM_OPTIONS, silence_s=self.silence_s)

    def _wait_for_next_writer(self) -> str:
        if not is_named(self._fd):
            raise SourceGone(f"{self.name}: its writer has gone, and no other can come")
        # What was open when a writer went reports his end from then on. It is closed last: a writer
        # who has come meanwhile would die of a moment without a reader.
        before, self._fd = self._fd, -1
        try:
            return self.wait()
        finally:
            os.close(before)

    def _drop_if_replaced(self) -> None:
        """A FIFO that was removed is held by nobody else; the next one has its name."""
        try:
            is_same = os.path.samestat(os.fstat(self._fd), os.stat(self._path))
        except OSError:
            is_same = False
        if not is_same:
            os.close(self._fd)
            self._fd = -1

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


class _LivePipe(Demuxer):
    """Whoever writes into a live pipe stands for a camera, which has no end."""

    @property
    def is_finite(self) -> bool:
        return False


def is_named(fd: int) -> bool:
    """Whether it is a FIFO, which anybody can open."""
    return not os.readlink(f"/proc/self/fd/{fd}").startswith("pipe:[")
