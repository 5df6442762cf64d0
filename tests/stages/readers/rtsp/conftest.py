"""Streams that are closed after each test."""

from collections.abc import Callable, Iterator

import pytest

from stages.readers.rtsp.stream import RtspStream

OpenStream = Callable[..., RtspStream]


@pytest.fixture
def open_stream() -> Iterator[OpenStream]:
    opened: list[RtspStream] = []

    def make(uri: str, transport: str = "tcp", silence_s: float = 10.0) -> RtspStream:
        stream = RtspStream(uri, transport=transport, silence_s=silence_s)
        opened.append(stream)
        stream.open()
        return stream

    yield make
    for stream in opened:
        stream.close()
