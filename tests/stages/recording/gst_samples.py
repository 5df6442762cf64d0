"""Times (ms) of the samples that GStreamer finds in an MP4: `/usr/bin/python3 gst_samples.py FILE`.

It needs Debian's python3-gi and the GStreamer plugins, hence the system's own Python.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402 - the version is chosen first


def main(file: str) -> None:
    Gst.init(None)
    line = Gst.parse_launch(
        "filesrc name=file ! qtdemux ! fakesink name=end sync=false signal-handoffs=true"
    )
    line.get_by_name("file").set_property("location", file)
    times_ms: list[int] = []
    line.get_by_name("end").connect(
        "handoff", lambda _, sample, __: times_ms.append(sample.pts // Gst.MSECOND)
    )
    line.set_state(Gst.State.PLAYING)
    wanted = Gst.MessageType.EOS | Gst.MessageType.ERROR
    ended = line.get_bus().timed_pop_filtered(30 * Gst.SECOND, wanted)
    line.set_state(Gst.State.NULL)
    if ended is None or ended.type != Gst.MessageType.EOS:
        sys.exit(f"{file}: not read to its end")
    sys.stdout.write(" ".join(map(str, times_ms)))


if __name__ == "__main__":
    main(sys.argv[1])
