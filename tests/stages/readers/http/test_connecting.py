import functools
import io
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.source import SourceDenied, SourceError, SourceStalled
from stages.readers.decoding.demuxer import PacketSource
from stages.readers.http.connecting import connect_http
from stages.readers.http.seen_pictures import SeenPictures
from stages.readers.network import STREAM_OPTIONS
from tests.clips import draw
from tests.integration.mjpeg_camera import MjpegCamera, encode_frame, refusing

OK = b"HTTP/1.0 200 OK\r\nContent-Type: "
PATIENCE_S = 10.0
FRAMES = 20


@pytest.fixture(scope="module")
def transport_stream() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mpegts") as container:
        stream = container.add_stream("mpeg2video", rate=25, width=64, height=48, pix_fmt="yuv420p")
        for index in range(FRAMES):
            pixels = np.ascontiguousarray(draw(index, (64, 48)))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "bgr24")))
        container.mux(stream.encode())
    return file.getvalue()


@pytest.fixture
def web_folder(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address at which its files are."""
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield tmp_path, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def answering(*parts: bytes, again: bytes = b"") -> MjpegCamera:
    """A server of these bytes, and of others without end."""

    def script(connection: int) -> Iterator[bytes]:
        yield from parts
        while again:
            yield again

    return MjpegCamera(script)


def open_stream(camera: MjpegCamera, silence_s: float = PATIENCE_S) -> PacketSource:
    return connect_http(
        camera.url, options=STREAM_OPTIONS, silence_s=silence_s, seen=SeenPictures()
    )


@pytest.mark.parametrize(
    "begin",
    [
        b"multipart/x-mixed-replace; boundary=frame\r\n\r\n",
        b"multipart/x-mixed-replace\r\n\r\nThis is a stream of several parts.\r\n\r\n",
        b"multipart/x-mixed-replace; boundary=frame\r\n\r\n--frame\r\n"
        b"Content-Type: application/xml\r\n\r\n<state/>\r\n",
        b"text/plain\r\n\r\n",
    ],
    ids=["usual", "preamble", "a text first", "another type"],
)
def test_pictures_are_known_by_themselves(begin: bytes) -> None:
    with answering(OK + begin, again=encode_frame(3)) as camera:
        source = open_stream(camera)
        units = [source.read() for _ in range(FRAMES)]
        assert all(unit is not None and not unit.damaged for unit in units)
        assert not source.has_times
        source.close()
        assert camera.connections == 1


def test_a_live_stream_is_asked_for_once(transport_stream: bytes) -> None:
    with answering(OK + b"video/mp2t\r\n\r\n", transport_stream) as camera:
        source = open_stream(camera)
        frames = sum(1 for _ in iter(source.read, None))
        assert frames == FRAMES
        assert source.has_times
        source.close()
        assert camera.connections == 1


@pytest.mark.parametrize(
    "length", [b"", b"Content-Length: %d\r\n"], ids=["of unknown length", "of known length"]
)
def test_what_has_an_announced_length_has_an_end(transport_stream: bytes, length: bytes) -> None:
    head = OK + b"video/mp2t\r\n" + (length % len(transport_stream) if length else b"") + b"\r\n"
    with answering(head, transport_stream) as camera:
        source = open_stream(camera)
        assert source.is_finite == bool(length)
        assert sum(1 for _ in iter(source.read, None)) == FRAMES
        source.close()


# An hour is what FFmpeg's muxer says after a pause of a camera. libavformat looks at the list again
# after half of that time, so silence must end the wait.
@pytest.mark.parametrize("longest_s", [1, 3600])
def test_a_list_that_grows_no_longer_gives_its_pictures_once(
    web_folder: tuple[Path, str], transport_stream: bytes, longest_s: int
) -> None:
    folder, url = web_folder
    (folder / "video.ts").write_bytes(transport_stream)
    head = f"#EXTM3U\n#EXT-X-TARGETDURATION:{longest_s}\n"
    (folder / "list.m3u8").write_text(f"{head}#EXTINF:0.8,\nvideo.ts\n")
    seen, said = SeenPictures(), list[str]()

    def read_until_silence() -> int:
        source = connect_http(f"{url}/list.m3u8", options=STREAM_OPTIONS, silence_s=0.5, seen=seen)
        pictures = 0
        try:
            while source.read() is not None:
                pictures += 1
        except SourceStalled as stall:
            said.append(str(stall))
            return pictures
        finally:
            source.close()
        raise AssertionError("a list without an end has ended")

    assert [read_until_silence() for _ in range(3)] == [FRAMES, 0, 0]
    # The last picture is held back until the silence is noticed, and no second one is waited for.
    assert all("sent nothing new" in sentence for sentence in said[1:])


@pytest.mark.parametrize(
    ("begin", "again"),
    [
        (b"--frame\r\n", b"X-Header: 1\r\n" * 20),
        (b"--frame\r\nContent-Type: image/jpeg\r\n\r\n", b"\0" * 300),
        (b"", b"G" + b"\x1f\xff\x10" + b"\xff" * 184),
    ],
    ids=["headers", "no picture", "an empty transport stream"],
)
def test_bytes_that_never_become_a_picture_are_given_up(begin: bytes, again: bytes) -> None:
    with (
        answering(OK + b"multipart/x-mixed-replace\r\n\r\n" + begin, again=again) as camera,
        pytest.raises(SourceStalled, match="sent no picture for"),
    ):
        open_stream(camera, silence_s=0.3).read()


def test_a_picture_cut_off_by_the_end_of_the_connection_is_no_picture() -> None:
    with answering(OK + b"image/jpeg\r\n\r\n" + encode_frame(3)[:-100]) as camera:
        source = open_stream(camera)
        assert source.read() is None


def test_a_refused_password_is_asked_for_once() -> None:
    with MjpegCamera(refusing) as camera:
        url = camera.url.replace("//", "//user:secret@")
        with pytest.raises(SourceDenied, match="401"):
            connect_http(url, options={}, silence_s=PATIENCE_S, seen=SeenPictures())
        assert camera.connections <= 2  # without the password, and with it


def test_a_page_instead_of_a_stream_is_refused() -> None:
    page = b"<html>The camera is off.</html>"
    with (
        answering(OK + b"text/html\r\n\r\n" + page) as camera,
        pytest.raises(SourceError, match="cannot be opened as video"),
    ):
        open_stream(camera)
