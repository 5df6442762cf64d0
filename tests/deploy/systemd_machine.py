"""Debian's systemd as the first process of a machine in name spaces, with ThunderLine in /opt.

The root is that of the image of deploy/container, and systemd from Debian's packages. systemd runs
in it as it does on a board, but for the kernel and its devices.
"""

import shutil
import subprocess
import time
from pathlib import Path

from tests.deploy.containers import ALONE, IMAGE, IS_EMULATED, Containers
from tests.deploy.containers import why_not as why_no_container
from tests.running_line import PATIENCE_S, wait_until

BOOT_S = 180.0
_NAME = "thunderline-systemd"
_INSTALL = (
    "apt-get update -qq && DEBIAN_FRONTEND=noninteractive "
    "apt-get install --yes -qq --no-install-recommends systemd systemd-sysv"
)
_PATH = "PATH=/opt/thunderline/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What is registered nowhere and has no unit needs no systemd outside.
_BOOT = 'exec systemd-nspawn --directory="$({mount})" --register=no --keep-unit --boot \
--private-network --machine=thunderline --console=pipe'


def why_not() -> str | None:
    """What keeps this machine from it."""
    if shutil.which("systemd-nspawn") is None:
        return "Debian's package systemd-container is not installed"
    if IS_EMULATED:
        return "systemd asks more of a kernel than an emulator of programs has"
    return why_no_container()


class Machine:
    """One that was booted; everything in it ends with it."""

    def __init__(self, containers: Containers) -> None:
        self._containers = containers
        containers.buildah("from", "--name", _NAME, f"localhost/{IMAGE}")
        run = ("run", "--isolation", "chroot", "--user", "root", _NAME)
        containers.buildah(*run, "sh", "-c", _INSTALL)
        self._process = self._boot()

    def boot_again(self) -> None:
        self.end()
        self._process = self._boot()

    def _boot(self) -> subprocess.Popen[bytes]:
        mount = " ".join(self._containers.command_of("buildah", "mount", _NAME))
        process = subprocess.Popen(
            [*ALONE, "sh", "-c", _BOOT.format(mount=mount)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._process = process
        wait_until(self._is_up, "systemd has booted", BOOT_S, pause_s=1.0)
        return process

    def _is_up(self) -> bool:
        assert self._process.poll() is None, "systemd-nspawn has ended"
        return bool(self._leader()) and self.try_call("systemctl", "is-system-running") == "running"

    def _leader(self) -> str:
        """The process id of its first process, as this machine counts."""
        pid = self._process.pid
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().partition(" ")[0]

    def try_call(self, *command: str) -> str:
        """What a command in it says, by root; whether it fails does not matter."""
        entrance = ("nsenter", "--target", self._leader(), "--mount", "--pid", "--uts", "--ipc",
                    "--net", "--root", "--wd", "env", "-i", _PATH)  # fmt: skip
        ended = subprocess.run(
            [*entrance, *command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        return (ended.stdout + ended.stderr).strip()

    def write(self, path: str, text: str, mode: str) -> None:
        program = 'mkdir -p "$(dirname "$1")" && printf %s "$2" > "$1" && chmod "$3" "$1"'
        assert self.try_call("sh", "-c", program, "sh", path, text, mode) == ""

    def end(self) -> None:
        """As if its power were cut, after systemd has had its time."""
        if self._process.poll() is None:
            self._process.terminate()
            deadline = time.monotonic() + PATIENCE_S
            while self._process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.1)
            self._process.kill()
            self._process.wait()
