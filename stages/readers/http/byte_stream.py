"""The bytes that a web server sends, as they come.

libavformat opens the connection, as for every other stream: TLS, Digest, redirections, chunks,
compression, and reads that end after `silence_s`. Its format `data` hands on what has arrived.
"""

import contextlib
import errno
from collections.abc import Iterator
from typing import Any

import av.error

from pipeline.realtime import monotonic_ns
from pipeline.redact import redact
from pipeline.source import SourceStalled
from stages.readers.decoding.libav import open_container, read_failure

_NS_PER_S = 1_000_000_000
_PACKET_BYTES = 1 << 16
_OPTIONS = {"analyzeduration": "0", "probesize": "32", "raw_packet_size": str(_PACKET_BYTES)}


class ByteStream:
    """One connection.

    It is what PyAV calls a file, so a demuxer can read it.

    Args:
        uri: http:// or https://, with user name and password if need be.
        silence_s: how long the server may send nothing.

    Raises:
        SourceDenied, SourceError
    """

    def __init__(self, uri: str, *, silence_s: float) -> None:
        self.uri, self._silence_s = uri, silence_s
        self._container: Any = open_container(
            uri, options=_OPTIONS, silence_s=silence_s, what="stream", name=uri, form="data"
        )
        self._packets: Iterator[Any] = self._container.demux()
        self._rest = b""
        self.expect_result()

    @property
    def length(self) -> int | None:
        """Of all that the server will send, in bytes; None where it does not say."""
        size: int = self._container.size
        return size if size > 0 else None

    def expect_result(self) -> None:
        """From now on, the bytes must come to something within `silence_s`, whatever they are."""
        self._deadline_ns = monotonic_ns() + round(self._silence_s * _NS_PER_S)

    def peek(self) -> bytes:
        """What comes next, at least one byte of it; it will be read. b"" at the end."""
        if not self._rest:
            self._rest = self._receive()
        return self._rest

    def peek_more(self) -> bytes:
        """The same, and what arrives after it. As long as before at the end."""
        self._rest += self._receive()
        return self._rest

    def read(self, size: int = -1) -> bytes:
        """What has arrived, `size` bytes at most; waits for the first. b"" at the end.

        Raises:
            SourceStalled: nothing came for `silence_s`, or nothing of use: see `expect_result`.
            SourceError: the connection broke.
        """
        data = self.peek()
        if size < 0:
            size = len(data)
        self._rest = data[size:]
        return data[:size]

    def close(self) -> None:
        with contextlib.suppress(av.error.FFmpegError):
            self._container.close()

    def _receive(self) -> bytes:
        try:
            for packet in self._packets:
                if monotonic_ns() > self._deadline_ns:
                    address = redact(self.uri)
                    raise SourceStalled(f"{address}: sent no picture for {self._silence_s:g} s")
                if packet.size > 0:
                    return bytes(packet)
        except av.error.FFmpegError as error:
            if error.errno == errno.EIO and self.length is None:
                return b""  # so it calls the end of what has no announced length
            raise read_failure(self.uri, error, self._silence_s) from None
        return b""
