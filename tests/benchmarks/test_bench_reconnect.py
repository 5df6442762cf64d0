"""What a camera that is lost and found ten thousand times leaves behind, by process.

THUNDERLINE_RECONNECTS sets another number. One step of half a MB is no leak: `pathlib` interns the
name of each epoch's ring, and CPython makes its table of interned strings anew when it has seen
some thousands, larger the first time. A leak grows at every sample.
"""

import os
import signal

import pytest

from tests.conftest import StartLine
from tests.integration.mjpeg_camera import MjpegCamera
from tests.integration.reconnects import SOURCE, short, slope_kb, watch

pytestmark = [pytest.mark.bench, pytest.mark.slow]

_SAMPLES = 100
_WARM = 20  # samples, until all that is allocated once is there


def test_reconnections(start_line: StartLine) -> None:
    count = int(os.environ.get("THUNDERLINE_RECONNECTS", "10000"))
    with MjpegCamera(short) as camera:
        line = start_line("--set", SOURCE.format(uri=camera.url), "--set", "log=ERROR")
        samples = watch(line, camera, count, max(count // _SAMPLES, 1))
        line.process.send_signal(signal.SIGTERM)
        assert line.wait() == 0, line.stderr
    print(f"\n{count} connections, 4 frames each")
    print(f"{'process':<16} {'RSS first':>10} {'last':>10} {'kB per 1000':>12} {'fds':>8}")
    for name, of_process in samples.items():
        warm = of_process[_WARM:]
        files = [sample.fds for sample in warm]
        print(f"{name:<16} {warm[0].rss_kb:>10} {warm[-1].rss_kb:>10} {slope_kb(warm):>12.1f} "
              f"{min(files):>4}-{max(files)}")  # fmt: skip
