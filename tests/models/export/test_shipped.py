"""A shipped model file is what `models.export` makes of the shipped checkpoint, bit for bit."""

import shlex
from pathlib import Path

import msgspec
import onnx
import pytest

from models.export.command import parse_arguments, run
from models.publish import Origin
from stages.model.model_file import read_model_metadata
from tests.running_line import REPOSITORY

pytestmark = pytest.mark.torch

ZOO = REPOSITORY / "models/zoo"
COMMAND = ["python", "-m", "models.export"]


def shipped_exports() -> list[list[str]]:
    """The arguments that each model file was exported with."""
    origin = msgspec.yaml.decode((ZOO / "street11.yaml").read_bytes(), type=Origin)
    commands = [shlex.split(command) for command in origin.commands]
    exports = [command[3:] for command in commands if command[:3] == COMMAND]
    return [arguments for arguments in exports if arguments[1].startswith("models/zoo/")]


def graph_bytes(path: Path) -> bytes:
    """Operators, weights, inputs and outputs: all but the card, which is dated and published."""
    return bytes(onnx.load(path).graph.SerializeToString(deterministic=True))


def test_each_shipped_network_is_among_them() -> None:
    exported = {Path(arguments[1]).name for arguments in shipped_exports()}
    assert exported == {path.name for path in ZOO.glob("*.onnx") if "int8" not in path.name}


@pytest.mark.parametrize("arguments", shipped_exports(), ids=lambda arguments: arguments[1])
def test_a_shipped_graph_is_exported_anew_byte_by_byte(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPOSITORY)
    checkpoint, shipped, *options = arguments
    run(parse_arguments([checkpoint, str(tmp_path / "again.onnx"), *options]))
    assert graph_bytes(tmp_path / "again.onnx") == graph_bytes(Path(shipped))
    before, now = read_model_metadata(Path(shipped)), read_model_metadata(tmp_path / "again.onnx")
    assert now.checkpoint_sha256 == before.checkpoint_sha256
    assert (now.soft_nms, now.score_thresh) == (before.soft_nms, before.score_thresh)
