"""A real RTSP server: `/usr/bin/python3 rtsp_server.py PORT WIDTHxHEIGHT FPS`.

It needs Debian's python3-gi, gir1.2-gst-rtsp-server-1.0 and the GStreamer plugins, hence the
system's own Python. It prints one line when it listens at rtsp://127.0.0.1:PORT/test.
"""

import sys

import gi

gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402 - the version is chosen first


def main(port: str, size: str, fps: str) -> None:
    Gst.init(None)
    width, height = size.split("x")
    server = GstRtspServer.RTSPServer(service=port)
    server.set_address("127.0.0.1")
    factory = GstRtspServer.RTSPMediaFactory(shared=True)
    factory.set_launch(
        f"( videotestsrc is-live=true ! video/x-raw,width={width},height={height},framerate={fps}/1"
        " ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10"
        " ! rtph264pay name=pay0 pt=96 )"
    )
    server.get_mount_points().add_factory("/test", factory)
    if server.attach(None) == 0:
        sys.exit(f"cannot listen at port {port}")
    sys.stdout.write("listening\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


if __name__ == "__main__":
    main(*sys.argv[1:])
