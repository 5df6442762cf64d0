"""A real RTSP server that is stopped and started like a camera that loses its power."""

import subprocess
import time
from pathlib import Path

from tests.faults.sandbox import Network, Refused
from tests.integration import mjpeg_camera
from tests.ports import free_port

_SYSTEM_PYTHON = "/usr/bin/python3"  # the one that Debian's python3-gi belongs to
_SERVER = Path(mjpeg_camera.__file__).with_name("rtsp_server.py")
_PROBE = 'import gi; gi.require_version("GstRtspServer", "1.0")'
_START_TRIES = 20  # the port of a server that was killed may be taken for a moment


class RtspCamera:
    """On a network of its own where there is one, else on this machine's."""

    def __init__(self, network: Network | None) -> None:
        done = subprocess.run([_SYSTEM_PYTHON, "-c", _PROBE], capture_output=True, check=False)
        if done.returncode != 0:
            raise Refused("needs Debian's python3-gi and gir1.2-gst-rtsp-server-1.0; see .ci/run")
        self._enter = network.enter if network is not None else ()
        self._address = network.address if network is not None else "127.0.0.1"
        self._port = free_port()
        self._server: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"rtsp://{self._address}:{self._port}/test"

    def start(self) -> None:
        """Returns when it listens."""
        what = (str(self._port), "160x120", "25", "--address", self._address)
        for _ in range(_START_TRIES):
            server = subprocess.Popen(
                [*self._enter, _SYSTEM_PYTHON, str(_SERVER), *what],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C in a terminal is for the soak alone
            )
            assert server.stdout is not None
            if server.stdout.readline() == b"listening\n":
                self._server = server
                return
            server.stdout.close()
            server.wait()
            time.sleep(0.1)
        raise AssertionError(f"no RTSP server can be started at {self.url}")

    def stop(self) -> None:
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            assert self._server.stdout is not None
            self._server.stdout.close()
            self._server = None
