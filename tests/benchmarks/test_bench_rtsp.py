"""Processor time of the way from the socket to the coded picture, beside FFmpeg's demuxer."""

import multiprocessing
import time
from collections.abc import Callable, Generator
from multiprocessing.connection import Connection

import av
import pytest

from stages.readers.rtsp.stream import RtspStream
from tests.benchmarks.timing import pinned
from tests.stages.readers.rtsp.pictures import encode, packets
from tests.stages.readers.rtsp.scripted_server import (
    PATIENCE_S,
    Peer,
    ScriptedServer,
    describe,
    interleaved,
)  # fmt: skip

pytestmark = pytest.mark.bench

FPS = 25
MTU = 1400
PICTURES = 500
LEFT = 5  # pictures that FFmpeg still has in hand when the camera sends no more
ROUNDS = 3


def serve(ready: Connection, mbit: float) -> None:
    """A camera that sends all it has as fast as it is read, in a process of its own."""
    filler = b"\xaa" * int(mbit * 1e6 / 8 / FPS)
    pictures = [[*nals[:-1], nals[-1] + filler] for nals in encode("h264", 50, (640, 480))]
    sent = list(packets(pictures * (PICTURES // 50), mtu=MTU))

    def play(peer: Peer) -> None:
        picture = b""
        for packet in sent:
            picture += interleaved(packet)
            if packet[1] & 0x80:
                peer.send(picture)
                picture = b""
        peer.wait()

    video = describe().replace("m=audio 0 RTP/AVP 0\na=control:track1\n", "")
    with ScriptedServer(play, sdp=video) as server:
        ready.send((server.url(), len(sent)))
        ready.poll(PATIENCE_S)


def ours(url: str) -> Generator[object, None, None]:
    stream = RtspStream(url, transport="tcp", silence_s=PATIENCE_S)
    try:
        stream.open()
        yield None
        while True:
            yield stream.read()
    finally:
        stream.close()


def ffmpeg(url: str) -> Generator[object, None, None]:
    options = {"rtsp_transport": "tcp", "fpsprobesize": "0", "probesize": "32"}
    with av.open(url, options=options) as container:
        yield None
        yield from container.demux(video=0)


def measure(read: Callable[[str], Generator[object, None, None]], mbit: float) -> float:
    """Microseconds of this process for each RTP packet."""
    here, there = multiprocessing.Pipe()
    camera = multiprocessing.Process(target=serve, args=(there, mbit))
    camera.start()
    url: str
    count: int
    url, count = here.recv()
    pictures = read(url)
    next(pictures)
    began_s = time.process_time()
    for _ in range(PICTURES - LEFT):
        next(pictures)
    taken_s = time.process_time() - began_s
    pictures.close()
    camera.terminate()
    camera.join()
    return taken_s / count * 1e6


@pytest.mark.parametrize("mbit", [8, 40])
def test_cost_of_a_packet(mbit: float, capsys: pytest.CaptureFixture[str]) -> None:
    kinds = {"ours": ours, "FFmpeg": ffmpeg}
    with pinned() as core:
        best = {
            name: min(measure(read, mbit) for _ in range(ROUNDS)) for name, read in kinds.items()
        }
    ratio = best["ours"] / best["FFmpeg"]
    with capsys.disabled():
        print(
            f"\nRTSP over TCP, H.264 of {mbit} Mbit/s, core {core}: {best['ours']:.2f} us per RTP"
            f" packet, FFmpeg's demuxer {best['FFmpeg']:.2f}: {ratio:.2f} times"
        )
    assert 0 < ratio < 4, "a packet costs several times what it did"
