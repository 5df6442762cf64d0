"""Images and containers of a test: built by buildah, run by podman, all in one folder.

The machine may be poor: a container itself, or without systemd. So a build is a chroot, containers
are in no cgroup of their own, and the limits of open files and processes are those of the tests.
"""

import os
import resource
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.deploy.debian import make_foreign_root, make_root
from tests.deploy.pip_settings import write_settings
from tests.running_line import REPOSITORY

NEEDED = ("buildah", "podman", "crun", "debootstrap")
ARCHITECTURE = os.environ.get("ARCHITECTURE", "amd64")  # as Debian calls it
OWN = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, "")
IS_EMULATED = ARCHITECTURE != OWN
BUILD_S, RUN_S = (14_400, 1800) if IS_EMULATED else (1800, 120)
IMAGE = "thunderline"
_EMULATOR = Path("/proc/sys/fs/binfmt_misc/qemu-aarch64")
_BASE = "thunderline-base"
_AUTHORITIES = "/run/secrets/ca.pem"
# Mounts of storage end with each command. crun takes no mixture of old and new control groups, and
# is shown the new ones alone.
ALONE = ("unshare", "--mount", "--propagation", "private", "sh", "-c",
          "[ -e /sys/fs/cgroup/cgroup.controllers ] || mount -t cgroup2 cgroup2 /sys/fs/cgroup\n"
          'exec "$@"', "sh")  # fmt: skip


def why_not() -> str | None:
    """What keeps this machine from it."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        return f"Debian's packages {', '.join(missing)} are not installed"
    if IS_EMULATED and not _EMULATOR.exists():
        return "the kernel knows no emulator of ARM programs: docs/container.md says how it learns"
    return None if os.geteuid() == 0 else "debootstrap needs the rights of root"


class Containers:
    """What buildah and podman keep below a folder; `close` leaves nothing of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._storage = ("--root", f"{folder}/root", "--runroot", f"{folder}/run",
                         "--storage-driver", "overlay")  # fmt: skip

    def command_of(self, program: str, *arguments: str) -> list[str]:
        return [program, *self._storage, *arguments]

    def buildah(self, *arguments: str) -> str:
        return self._check([*ALONE, *self.command_of("buildah", *arguments)], BUILD_S)

    def podman(self, *arguments: str) -> str:
        return self._check(self._podman(arguments), RUN_S)

    def try_podman(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The same, for what may fail: exit code and output."""
        return _call(self._podman(arguments), RUN_S)

    def build(self) -> None:
        """Build the image of the checkout, as docs/container.md says, on Debian as it is now."""
        self._make_base()
        settings = write_settings(self._folder, _AUTHORITIES)
        self.buildah(
            "build", "--isolation", "chroot", "--platform", f"linux/{ARCHITECTURE}",
            # These two for buildah 1.28 of Debian 12, which does not tell them to FROM.
            "--build-arg", f"BUILDPLATFORM=linux/{OWN}",
            "--build-arg", f"TARGETPLATFORM=linux/{ARCHITECTURE}",
            "--format", "docker", "--tag", IMAGE, "--build-arg", f"BASE=localhost/{_BASE}",
            "--secret", f"id=pip.conf,src={settings.conf}",
            "--secret", f"id=ca.pem,src={settings.authorities}",
            "--file", str(REPOSITORY / "deploy/container/Containerfile"), str(REPOSITORY),
        )  # fmt: skip

    def _make_base(self) -> None:
        """One name for the roots of both processors, as a registry has it."""
        self.buildah("manifest", "create", _BASE)
        roots = {OWN: make_root(OWN)}
        if IS_EMULATED:
            roots[ARCHITECTURE] = make_foreign_root(ARCHITECTURE, OWN)
        for architecture, root in roots.items():
            made = self.buildah("from", "--arch", architecture, "scratch").strip()
            self.buildah("config", "--arch", architecture, made)
            self.buildah("add", "--quiet", made, str(root), "/")
            self.buildah("commit", "--quiet", "--rm", "--manifest", _BASE, made)

    def close(self) -> None:
        self.podman("rm", "--all", "--force", "--time", "20")
        self.buildah("rm", "--all")
        shutil.rmtree(self._folder)

    def _podman(self, arguments: Sequence[str]) -> list[str]:
        return [*ALONE, *self.command_of("podman", "--cgroup-manager", "cgroupfs", *arguments)]

    def _check(self, command: Sequence[str], limit_s: int) -> str:
        ended = _call(command, limit_s)
        assert ended.returncode == 0, f"{command}\n{ended.stdout[-9999:]}{ended.stderr[-9999:]}"
        return ended.stdout


def poor_mans_options() -> list[str]:
    """What `podman run` needs on such a machine; podman's timer of health checks is systemd's."""
    options = ["--cgroups", "disabled", "--health-interval", "disable"]
    for name, number, wished in (
        ("nofile", resource.RLIMIT_NOFILE, 4096),
        ("nproc", resource.RLIMIT_NPROC, 1024),
    ):
        most = min((limit for limit in resource.getrlimit(number) if limit >= 0), default=wished)
        options += ["--ulimit", f"{name}={min(most, wished)}:{min(most, wished)}"]
    # Without a name, the emulator has everything that ARM has thought of, most of it slow. To ask
    # for health starts a Python, for which the image gives 20 s.
    emulated = ("--env", "QEMU_CPU=cortex-a72", "--health-timeout", f"{RUN_S}s")
    return [*options, *emulated] if IS_EMULATED else options


def _call(command: Sequence[str], limit_s: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit_s,
        check=False,
    )  # fmt: skip
