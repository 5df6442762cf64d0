"""Nothing phones home: no import of ours starts a thread, writes a file or opens a socket."""

from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.version import Version

from tests.clips import make_clip
from tests.conftest import StartLine
from tests.traces import NONE, UNSET, files_below, modules_of, traces_of

FIRST_WITH_TELEMETRY = Version("1.29")


def test_the_line_leaves_no_trace_of_telemetry(tmp_path: Path) -> None:
    assert traces_of(f"{modules_of('pipeline', 'stages')}, run_pipeline", tmp_path) == NONE


@pytest.mark.parametrize("module", ["stages.model.detector", "stages.model.model_timing"])
def test_one_module_alone_leaves_none(module: str, tmp_path: Path) -> None:
    assert traces_of(f"import {module}", tmp_path) == NONE


@pytest.mark.skipif(find_spec("openvino") is None, reason="no OpenVINO, see `make bench`")
def test_an_engine_of_the_benchmarks_leaves_none(tmp_path: Path) -> None:
    engines = "tests.benchmarks.detectors.engines"
    assert traces_of(f"import {engines} as engines; engines.import_openvino()", tmp_path) == NONE


@pytest.mark.skipif(
    Version(version("onnxruntime")) < FIRST_WITH_TELEMETRY, reason="a runtime without telemetry"
)
def test_telemetry_would_be_seen(tmp_path: Path) -> None:
    seen = traces_of("import onnxruntime", tmp_path)
    assert seen.threads
    assert seen.files


def test_no_process_of_a_line_leaves_any(start_line: StartLine, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
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
