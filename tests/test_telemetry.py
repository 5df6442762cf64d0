"""Nothing phones home: no import of ours starts a thread, writes a file or opens a socket.

ONNX Runtime sends nothing where a variable tells of a build server, so these processes have none.
"""

import os
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import msgspec
import pytest
from packaging.version import Version

from tests.clips import make_clip
from tests.conftest import StartLine
from tests.running_line import REPOSITORY

BUILD_SERVER = ("CI", "TF_BUILD", "GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL", "BUILDKITE")
UNSET = (*BUILD_SERVER, "ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME")
FIRST_WITH_TELEMETRY = Version("1.29")
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


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The empty home of a user."""
    path = tmp_path / "home"
    path.mkdir()
    return path


def traces_of(statements: str, home: Path) -> Traces:
    """Of a fresh Python after the statements."""
    environment = {name: text for name, text in os.environ.items() if name not in UNSET}
    done = subprocess.run(
        [sys.executable, "-c", f"{statements}\n{WATCH}"],
        cwd=REPOSITORY, check=True, capture_output=True,
        env=environment | {
            "HOME": str(home),
            "MPLCONFIGDIR": str(home.parent / "matplotlib"),  # for its list of this machine's fonts
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


def test_the_line_leaves_no_trace_of_telemetry(home: Path) -> None:
    assert traces_of(f"{modules_of('pipeline', 'stages')}, run_pipeline", home) == NONE


@pytest.mark.parametrize("module", ["stages.model.detector", "stages.model.model_timing"])
def test_one_module_alone_leaves_none(module: str, home: Path) -> None:
    assert traces_of(f"import {module}", home) == NONE


@pytest.mark.torch
@pytest.mark.parametrize("module", ["models.quantize.scheme", "models.quantize.calibration"])
def test_a_module_of_the_training_code_leaves_none(module: str, home: Path) -> None:
    assert traces_of(f"import {module}", home) == NONE


@pytest.mark.torch
def test_the_training_code_leaves_no_trace_of_telemetry(home: Path) -> None:
    assert traces_of(modules_of("models"), home) == NONE


@pytest.mark.skipif(find_spec("openvino") is None, reason="no OpenVINO, see `make bench`")
def test_an_engine_of_the_benchmarks_leaves_none(home: Path) -> None:
    engines = "tests.benchmarks.detectors.engines"
    assert traces_of(f"import {engines} as engines; engines.import_openvino()", home) == NONE


@pytest.mark.skipif(
    Version(version("onnxruntime")) < FIRST_WITH_TELEMETRY, reason="a runtime without telemetry"
)
def test_telemetry_would_be_seen(home: Path) -> None:
    seen = traces_of("import onnxruntime", home)
    assert seen.threads
    assert seen.files


def test_no_process_of_a_line_leaves_any(start_line: StartLine, home: Path, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.avi", 16)
    unset = [word for name in UNSET for word in ("-u", name)]
    line = start_line(
        *("--set", f"sources=[{{uri: {clip}, loop: true}}]"),
        wrap=("env", *unset, f"HOME={home}"),
    )
    line.wait_for_messages(3)
    inodes = internet_sockets()
    for name, pid in line.children().items():
        opened = [link.readlink() for link in Path(f"/proc/{pid}/fd").iterdir()]
        assert not inodes & {str(target) for target in opened}, name
        assert not [target for target in opened if target.is_relative_to(home)], name
    line.process.terminate()
    assert line.wait() == 0, line.stderr
    assert files_below(home) == ()


def internet_sockets() -> set[str]:
    """All of this machine's, as links of descriptors name them."""
    tables = [Path("/proc/net", name) for name in ("tcp", "tcp6", "udp", "udp6")]
    rows = [row.split() for table in tables for row in table.read_text().splitlines()[1:]]
    return {f"socket:[{row[9]}]" for row in rows}
