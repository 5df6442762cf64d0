"""A camera that is lost and found hundreds of times leaves nothing behind."""

import signal

from tests.conftest import StartLine
from tests.integration.mjpeg_camera import MjpegCamera
from tests.integration.reconnects import SOURCE, short, watch
from tests.running_line import COMM_BYTES

_COUNT, _EVERY = 300, 20
_WARM = 5  # samples, until all that is allocated once is there
_GROWTH_KB = 3_000  # a ring has 500 kB: the growth of 200 that stay would be far more


def test_reconnections_leave_no_file_open_and_no_memory_in_use(start_line: StartLine) -> None:
    with MjpegCamera(short) as camera:
        line = start_line("--set", SOURCE.format(uri=camera.url))
        run_dir = line.run_dir()
        samples = watch(line, camera, _COUNT, _EVERY)
        rings = list(run_dir.glob("ring.*"))
        line.look()
        line.process.send_signal(signal.SIGTERM)
        assert line.wait() == 0, line.stderr
    assert len(rings) <= 2, "the one in use, and the next"
    every = {"supervisor", "fork_server", *line.processes}
    assert set(samples) == {name[:COMM_BYTES] for name in every}
    for name, of_process in samples.items():
        files = [sample.fds for sample in of_process[_WARM:]]
        assert max(files) - min(files) <= 3, f"{name}: {files}: a connection more or less"
        memory = [sample.rss_kb for sample in of_process[_WARM:]]
        assert memory[-1] - memory[0] < _GROWTH_KB, f"{name}: {memory}"
    assert line.leftovers() == []
