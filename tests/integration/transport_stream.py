"""Makes a video of H.264 in MPEG-TS: `/usr/bin/python3 transport_stream.py FILE WxH FRAMES`.

Such videos can be joined end to end, as by a camera that changes its size. It needs the
same of Debian as rtsp_server.py.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402 - the version is chosen first

PATIENCE_S = 60


def main(path: str, size: str, frames: str) -> None:
    Gst.init(None)
    width, height = size.split("x")
    pipeline = Gst.parse_launch(
        f"videotestsrc num-buffers={frames}"
        f" ! video/x-raw,width={width},height={height},framerate=25/1,format=I420"
        " ! x264enc tune=zerolatency key-int-max=10"
        " ! video/x-h264,stream-format=byte-stream ! h264parse config-interval=-1"
        f" ! mpegtsmux ! filesink location={path}"
    )
    pipeline.set_state(Gst.State.PLAYING)
    over = Gst.MessageType.EOS | Gst.MessageType.ERROR
    message = pipeline.get_bus().timed_pop_filtered(PATIENCE_S * Gst.SECOND, over)
    pipeline.set_state(Gst.State.NULL)
    if message is None or message.type != Gst.MessageType.EOS:
        sys.exit(f"{path}: could not be made")


if __name__ == "__main__":
    main(*sys.argv[1:])
