"""What tests do with a stream: read pictures, decode them, tell which they are."""

from collections.abc import Iterable, Sequence

from stages.readers.decoding.access_unit import AccessUnit
from stages.readers.rtsp.stream import RtspStream
from tests.stages.readers.rtsp.pictures import TICKS, brightness


def read(stream: RtspStream, count: int) -> list[AccessUnit]:
    return [stream.read() for _ in range(count)]


def decode(stream: RtspStream, units: Iterable[AccessUnit]) -> list[tuple[int | None, int]]:
    """Time and brightness of each picture."""
    frames = [frame for unit in units for frame in stream.decoder.decode(unit.packet)]
    return [(frame.pts, round(frame.to_ndarray()[:100].mean())) for frame in frames]


def expected(indices: Iterable[int]) -> list[tuple[int, int]]:
    return [(index * TICKS, brightness(index)) for index in indices]


def assert_pictures(found: Sequence[tuple[int | None, int]], indices: Iterable[int]) -> None:
    wanted = expected(indices)
    assert [pts for pts, _ in found] == [pts for pts, _ in wanted]
    assert all(abs(a[1] - b[1]) <= 3 for a, b in zip(found, wanted, strict=True)), (found, wanted)
