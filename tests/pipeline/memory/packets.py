"""Packets of a camera that was made up."""

from pathlib import Path

from pipeline.memory.packet import PacketFlag, Track
from pipeline.memory.packet_layout import packets_path
from pipeline.memory.packet_ring import PacketRing

TRACK = Track("video", "h264", b"\1sets", (1, 90_000), 640, 480)
STEP = 3600


def make_packet_ring(folder: Path, data_bytes: int = 4096, camera: int = 0) -> PacketRing:
    ring = PacketRing(packets_path(folder, camera), data_bytes)
    ring.begin((TRACK,))
    return ring


def put(ring: PacketRing, number: int, *, size: int = 100, key: bool = False) -> None:
    """The packet's bytes and all of its times tell its number."""
    ring.put(
        bytes((number % 251,)) * size,
        flags=PacketFlag.KEY if key else PacketFlag.NONE,
        pts=number * STEP,
        dts=number * STEP,
        duration=STEP,
        pts_ns=number * 40_000_000,
        arrived_unix_ns=1_000 + number,
    )


def put_groups(ring: PacketRing, packets: int, *, group: int = 5, size: int = 100) -> None:
    for number in range(packets):
        put(ring, number, size=size, key=number % group == 0)
