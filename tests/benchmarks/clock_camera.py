"""A camera that films a clock: `/usr/bin/python3 clock_camera.py PORT WIDTHxHEIGHT FPS`.

Its picture is a row of bars, black and white: the bits of the time at which it was drawn, in ms
since 1970, the lowest 24 of them, the highest first. It prints one line when it listens at
rtsp://127.0.0.1:PORT/test, and needs the same of Debian as tests/integration/rtsp_server.py.
"""

import sys
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402 - the version is chosen first

BITS = 24
DARK, BRIGHT, GREY = 16, 235, 128


class Clock(GstRtspServer.RTSPMediaFactory):  # type: ignore[misc]  # it has no types
    """Draws a picture at each tick, for all who look."""

    def __init__(self, width: int, height: int, fps: int) -> None:
        super().__init__(shared=True)
        self._size, self._fps = (width, height), fps
        self._source = None
        self.set_launch(
            "( appsrc name=clock is-live=true do-timestamp=true format=time"
            f" caps=video/x-raw,format=I420,width={width},height={height},framerate={fps}/1"
            " ! x264enc speed-preset=ultrafast tune=zerolatency bitrate=2048"
            f" key-int-max={2 * fps} ! rtph264pay name=pay0 pt=96 )"
        )
        GLib.timeout_add(1000 // fps, self._draw)

    def do_configure(self, media: GstRtspServer.RTSPMedia) -> None:
        GstRtspServer.RTSPMediaFactory.do_configure(self, media)
        self._source = media.get_element().get_child_by_name("clock")

    def _draw(self) -> bool:
        if self._source is not None:
            width, height = self._size
            now_ms = time.time_ns() // 1_000_000
            bits = [now_ms >> place & 1 for place in reversed(range(BITS))]
            row = bytes(BRIGHT if bits[x * BITS // width] else DARK for x in range(width))
            chroma = bytes((GREY,)) * (width * height // 2)
            self._source.emit("push-buffer", Gst.Buffer.new_wrapped(row * height + chroma))
        return True


def main(port: str, size: str, fps: str) -> None:
    Gst.init(None)
    server = GstRtspServer.RTSPServer(service=port)
    server.set_address("127.0.0.1")
    width, height = size.split("x")
    server.get_mount_points().add_factory("/test", Clock(int(width), int(height), int(fps)))
    server.attach(None)
    sys.stdout.write("listening\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


if __name__ == "__main__":
    main(*sys.argv[1:])
