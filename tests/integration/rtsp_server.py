"""A real RTSP server: `/usr/bin/python3 rtsp_server.py PORT WIDTHxHEIGHT FPS [options]`.

It needs Debian's python3-gi, gir1.2-gst-rtsp-server-1.0 and the GStreamer plugins, hence the
system's own Python. It prints one line when it listens at rtsp://ADDRESS:PORT/test.
"""

import argparse
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402 - the version is chosen first

CODECS = {
    "h264": "x264enc speed-preset=ultrafast key-int-max=10 {coder} ! rtph264pay",
    "h265": "x265enc speed-preset=ultrafast key-int-max=10 {coder} ! rtph265pay",
    "jpeg": "jpegenc ! rtpjpegpay",
}
CODERS = {
    "quick": "tune=zerolatency",
    "b-frames": "bframes=2 b-adapt=false ! video/x-h264,profile=main",  # for H.264; sent after
    "b-frames-265": "option-string=bframes=2:b-adapt=0",
    "slices": "tune=zerolatency option-string=slices=4",  # the parts of one picture
}

SOUNDS = {
    "aac": "audiotestsrc is-live=true ! audio/x-raw,rate=16000,channels=1"
    " ! voaacenc ! aacparse ! rtpmp4gpay name=pay1 pt=97",
    "pcma": "audiotestsrc is-live=true ! audio/x-raw,rate=8000,channels=1"
    " ! alawenc ! rtppcmapay name=pay1",
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port")
    parser.add_argument("size")
    parser.add_argument("fps")
    parser.add_argument("--codec", choices=CODECS, default="h264")
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--account", help="user:password, which is asked for")
    parser.add_argument("--digest", action="store_true", help="ask for it by Digest")
    parser.add_argument("--coder", choices=CODERS, default="quick")
    parser.add_argument("--mtu", type=int, default=1400, help="bytes of a packet at most")
    parser.add_argument("--bitrate", type=int, default=2048, help="kbit/s")
    parser.add_argument("--sound", choices=SOUNDS, help="beside the pictures")
    parser.add_argument("--certificate", help="PEM file with key and certificate: TLS")
    parser.add_argument("--frames", type=int, default=-1, help="after which the stream ends")
    options = parser.parse_args()
    Gst.init(None)
    width, height = options.size.split("x")
    coder = f"bitrate={options.bitrate} {CODERS[options.coder]}"
    codec = CODECS[options.codec].format(coder=coder)
    server = GstRtspServer.RTSPServer(service=options.port)
    server.set_address(options.address)
    factory = GstRtspServer.RTSPMediaFactory(shared=True)
    factory.set_launch(
        f"( videotestsrc is-live=true num-buffers={options.frames}"
        f" ! video/x-raw,width={width},height={height},framerate={options.fps}/1,format=I420"
        f" ! {codec} name=pay0 pt=96 mtu={options.mtu} {SOUNDS.get(options.sound, '')} )"
    )
    auth = make_auth(options)
    if options.account is not None:
        ask_for_account(auth, factory, *options.account.split(":"), digest=options.digest)
    if auth is not None:
        server.set_auth(auth)
    server.get_mount_points().add_factory("/test", factory)
    if server.attach(None) == 0:
        sys.exit(f"cannot listen at port {options.port}")
    sys.stdout.write("listening\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


def make_auth(options: argparse.Namespace) -> GstRtspServer.RTSPAuth | None:
    if options.account is None and options.certificate is None:
        return None
    auth = GstRtspServer.RTSPAuth()
    if options.certificate is not None:
        auth.set_tls_certificate(Gio.TlsCertificate.new_from_file(options.certificate))
    return auth


def ask_for_account(
    auth: GstRtspServer.RTSPAuth,
    factory: GstRtspServer.RTSPMediaFactory,
    user: str,
    password: str,
    *,
    digest: bool,
) -> None:
    permissions = GstRtspServer.RTSPPermissions()
    for permission in ("media.factory.access", "media.factory.construct"):
        permissions.add_permission_for_role("viewer", permission, True)
    factory.set_permissions(permissions)
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    if digest:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(user, password, token)
    else:
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)


if __name__ == "__main__":
    main()
