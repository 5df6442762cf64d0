"""Cameras that send H.264 at their own pace, over HTTP in MPEG-TS, for as long as they are watched.

The pictures are those of the drawn street, coded once; each is sent when its time has come.
"""

import contextlib
import io
import socket
import threading
import time
from fractions import Fraction
from itertools import count

import av
import numpy as np

from stages.scene.options import parse_scene_uri
from stages.scene.street import Street

FPS = 25
_SECONDS = 4
_TICKS = 90_000
_HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: video/mp2t\r\n\r\n"


def encode_street(
    size: tuple[int, int],
    bit_rate: int = 2_000_000,
    *,
    street: str = "seed=7",
    fps: int = FPS,
    seconds: int = _SECONDS,
) -> list[bytes]:
    """MPEG-TS of some seconds, one piece for each picture; a key frame each two seconds."""
    width, height = size
    uri = f"scene://street?{street}&width={width}&height={height}&fps={fps}"
    scene = Street(parse_scene_uri(uri))
    frame = np.empty((height, width, 3), np.uint8)
    written = io.BytesIO()
    pieces, done = [], 0
    with av.open(written, "w", format="mpegts", options={"flush_packets": "1"}) as container:
        video = container.add_stream("libx264", rate=fps, options={
            "preset": "veryfast", "tune": "zerolatency", "g": str(2 * fps)})  # fmt: skip
        video.width, video.height, video.bit_rate = width, height, bit_rate
        video.pix_fmt = "yuv420p"
        for number in range(fps * seconds):
            scene.draw(number, frame)
            picture = av.VideoFrame.from_ndarray(frame, format="bgr24")
            picture.pts, picture.time_base = number, Fraction(1, fps)
            container.mux(video.encode(picture))
            pieces.append(written.getvalue()[done:])
            done = len(written.getvalue())
    return pieces


class LiveCamera:
    """Serves coded pictures at `url` to one viewer at a time, round after round.

    The container's times begin again with each round, as they do when a camera starts anew; the
    readers under test are given a fresh connection for each measurement, and rounds are long.
    """

    def __init__(self, pieces: list[bytes], fps: int = FPS) -> None:
        self._pieces, self._fps = pieces, fps
        self._server = socket.create_server(("127.0.0.1", 0), backlog=16)
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.getsockname()[1]}/live.ts"

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._server.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._answer, args=(peer,), daemon=True).start()

    def _answer(self, peer: socket.socket) -> None:
        with peer, contextlib.suppress(OSError):
            peer.recv(4096)
            peer.sendall(_HEAD)
            began_s = time.monotonic()
            for number in count():
                time.sleep(max(began_s + number / self._fps - time.monotonic(), 0))
                peer.sendall(self._pieces[number % len(self._pieces)])
