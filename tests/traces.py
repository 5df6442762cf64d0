"""What a fresh Python leaves behind where no variable tells of a build server.

ONNX Runtime and OpenVINO send no telemetry on a build server, and a test there would see none.
"""

import os
import subprocess
import sys
from pathlib import Path

import msgspec

from tests.running_line import REPOSITORY

BUILD_SERVER = ("CI", "TF_BUILD", "GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL", "BUILDKITE")
UNSET = (*BUILD_SERVER, "ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME")
WATCH = """
import json, os
links = [os.path.join("/proc/self/fd", fd) for fd in os.listdir("/proc/self/fd")]
opened = [os.readlink(link) for link in links if os.path.lexists(link)]
sockets = [target for target in opened if target.startswith("socket:")]
print(json.dumps({"threads": len(os.listdir("/proc/self/task")) - 1, "sockets": len(sockets)}))
"""


class Traces(msgspec.Struct, frozen=True):
    """What a process has beside its main thread and its three standard streams."""

    threads: int
    sockets: int
    files: tuple[str, ...] = ()  # below its home


NONE = Traces(threads=0, sockets=0)


def traces_of(statements: str, folder: Path) -> Traces:
    """After the statements, of a Python whose user has an empty home in `folder`."""
    home = folder / "home"
    home.mkdir()
    environment = {name: text for name, text in os.environ.items() if name not in UNSET}
    done = subprocess.run(
        [sys.executable, "-c", f"{statements}\n{WATCH}"],
        cwd=REPOSITORY, check=True, capture_output=True,
        env=environment | {
            "HOME": str(home),
            "MPLCONFIGDIR": str(folder / "matplotlib"),  # for its list of this machine's fonts
            "OPENBLAS_NUM_THREADS": "1",
        },
    )  # fmt: skip
    seen = msgspec.json.decode(done.stdout, type=Traces)
    return msgspec.structs.replace(seen, files=files_below(home))


def files_below(home: Path) -> tuple[str, ...]:
    return tuple(str(path.relative_to(home)) for path in sorted(home.rglob("*")) if path.is_file())


def modules_of(*folders: str) -> str:
    """A statement that imports everything there, in the order of the alphabet."""
    paths = [path for folder in folders for path in sorted((REPOSITORY / folder).rglob("*.py"))]
    names = [".".join(path.relative_to(REPOSITORY).with_suffix("").parts) for path in paths]
    kept = [name.removesuffix(".__init__") for name in names if not name.endswith("__main__")]
    return f"import {', '.join(kept)}"
