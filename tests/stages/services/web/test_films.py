"""What waits for a viewer, and what is made for all of them."""

import asyncio
import json
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from pipeline.memory.packet_layout import packets_path
from pipeline.memory.packet_ring import PacketRing
from pipeline.service import PacketView, Track
from stages.services.media.remuxer import Remuxer
from stages.services.web import films as films_module
from stages.services.web.films import Film, Seat
from tests.pipeline.frames import make_run
from tests.pipeline.memory.packets import put
from tests.stages.readers.coded_clips import FRAME_NS, make_coded, read_into_ring
from tests.stages.services.media.films import decode

PATIENCE_S = 60


def take_all(seat: Seat) -> list[str | bytes]:
    """Until nothing waits any more."""

    async def take() -> list[str | bytes]:
        taken: list[str | bytes] = []
        while True:
            task = asyncio.ensure_future(seat.take())
            await asyncio.sleep(0)
            if not task.done():
                task.cancel()
                return taken
            part = task.result()
            assert part is not None
            taken.append(part)

    return asyncio.run(take())


def test_a_viewer_begins_at_a_key_frame_after_the_head() -> None:
    seat = Seat()
    seat.put(b"middle", is_key=False)
    seat.begin("head", b"init")
    seat.put(b"middle", is_key=False)
    seat.put(b"key", is_key=True)
    seat.put(b"next", is_key=False)
    assert take_all(seat) == ["head", b"init", b"key", b"next"]
    assert seat.skipped == 2


def test_what_is_late_is_left_out_up_to_the_next_key_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now_s[0])
    seat = Seat()
    seat.begin("head", b"init")
    seat.put(b"key 1", is_key=True)
    seat.put(b"old", is_key=False)
    now_s[0] += films_module.LATEST_S + 0.1
    seat.put(b"new", is_key=False)
    seat.put(b"key 2", is_key=True)
    seat.put(b"newer", is_key=False)
    assert take_all(seat) == ["head", b"init", b"key 2", b"newer"], "the head is never left out"
    assert seat.skipped == 3


def test_only_so_many_bytes_wait() -> None:
    seat = Seat()
    seat.begin("head", b"init")
    most = films_module.MOST_BYTES
    for _ in range(5):
        seat.put(bytes(most // 2), is_key=True)
    waiting = take_all(seat)[2:]
    assert sum(map(len, waiting)) <= most


def test_another_film_takes_the_place_of_all_that_waits() -> None:
    seat = Seat()
    seat.begin("head 1", b"init 1")
    seat.put(b"key 1", is_key=True)
    seat.begin("head 2", b"init 2")
    seat.put(b"of 1", is_key=False)
    seat.put(b"key 2", is_key=True)
    assert take_all(seat) == ["head 2", b"init 2", b"key 2"]


def watch(film: Film, count: int, seats: int = 1) -> list[list[str | bytes | None]]:
    """What each of some viewers gets first."""

    async def look() -> list[list[str | bytes | None]]:
        with ExitStack() as stack:
            taken = [stack.enter_context(film.seat()) for _ in range(seats)]
            return [
                [await asyncio.wait_for(seat.take(), PATIENCE_S) for _ in range(count)]
                for seat in taken
            ]

    return asyncio.run(look())


def test_all_viewers_get_one_film_and_it_is_made_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_coded(tmp_path / "clip.mp4", "libx264", range(24))
    read_into_ring(path, PacketRing(packets_path(tmp_path, 0), 1 << 20))
    made = [0]
    fragment = Remuxer.fragment

    def count(self: Remuxer, packets: object) -> bytes:
        made[0] += 1
        return fragment(self, packets)  # type: ignore[arg-type]

    monkeypatch.setattr(Remuxer, "fragment", count)
    film = Film("yard", PacketView(make_run(tmp_path)), lambda: True)
    first, *others = watch(film, 2 + 12, seats=5)
    assert made == [12], "the last group of pictures, once"
    assert all(other == first for other in others)
    head, *parts = first
    assert json.loads(str(head)) == {
        "type": "film", "camera": "yard", "generation": 1, "width": 64, "height": 48,
        "media_type": 'video/mp4; codecs="avc1.4D400A"',
        "origin_pts_ns": 12 * FRAME_NS - 2 * FRAME_NS,  # the two of B-frames are sent earlier
    }  # fmt: skip
    data = b"".join(part for part in parts if isinstance(part, bytes))
    assert len(decode(data)) == 12


def test_nothing_is_read_when_nobody_looks(tmp_path: Path) -> None:
    opened = [0]

    class Packets(PacketView):
        def open(self, camera: str) -> None:
            opened[0] += 1

    film = Film("yard", Packets(make_run(tmp_path)), lambda: True)

    async def look() -> None:
        await asyncio.sleep(0.05)
        assert opened == [0]
        with film.seat():
            while opened == [0]:
                await asyncio.sleep(0.01)
        seen = opened[0]
        await asyncio.sleep(0.05)
        assert opened[0] == seen

    asyncio.run(look())


def test_a_stream_of_which_no_film_can_be_made_says_why(tmp_path: Path) -> None:
    ring = PacketRing(packets_path(tmp_path, 0), 1 << 20)
    ring.begin((Track("video", "h264", b"nonsense", (1, 90_000), 64, 48),))
    put(ring, 0, key=True)
    film = Film("yard", PacketView(make_run(tmp_path)), lambda: True)

    async def look() -> str:
        with film.seat() as seat:
            assert await asyncio.wait_for(seat.take(), PATIENCE_S) is None
            return seat.why

    assert asyncio.run(look()).startswith("h264: expected parameters of a stream")
