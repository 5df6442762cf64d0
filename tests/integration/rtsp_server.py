"""A real RTSP server: `/usr/bin/python3 rtsp_server.py PORT WIDTHxHEIGHT FPS [options]`.

It needs Debian's python3-gi, gir1.2-gst-rtsp-server-1.0 and the GStreamer plugins, hence the
system's own Python. It prints one line when it listens at rtsp://ADDRESS:PORT/test.
"""

import argparse
import sys

import gi

gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402 - the version is chosen first

CODECS = {
    "h264": "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! rtph264pay",
    "jpeg": "jpegenc ! rtpjpegpay",
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port")
    parser.add_argument("size")
    parser.add_argument("fps")
    parser.add_argument("--codec", choices=CODECS, default="h264")
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--account", help="user:password, which is asked for")
    options = parser.parse_args()
    Gst.init(None)
    width, height = options.size.split("x")
    server = GstRtspServer.RTSPServer(service=options.port)
    server.set_address(options.address)
    factory = GstRtspServer.RTSPMediaFactory(shared=True)
    factory.set_launch(
        f"( videotestsrc is-live=true"
        f" ! video/x-raw,width={width},height={height},framerate={options.fps}/1,format=I420"
        f" ! {CODECS[options.codec]} name=pay0 pt=96 )"
    )
    if options.account is not None:
        ask_for_account(server, factory, *options.account.split(":"))
    server.get_mount_points().add_factory("/test", factory)
    if server.attach(None) == 0:
        sys.exit(f"cannot listen at port {options.port}")
    sys.stdout.write("listening\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


def ask_for_account(
    server: GstRtspServer.RTSPServer,
    factory: GstRtspServer.RTSPMediaFactory,
    user: str,
    password: str,
) -> None:
    permissions = GstRtspServer.RTSPPermissions()
    for permission in ("media.factory.access", "media.factory.construct"):
        permissions.add_permission_for_role("viewer", permission, True)
    factory.set_permissions(permissions)
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth = GstRtspServer.RTSPAuth()
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)


if __name__ == "__main__":
    main()
