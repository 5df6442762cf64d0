from pathlib import Path

import msgspec
import pytest
import torch

from models.checkpoint import CheckpointError, load_checkpoint, read_checkpoint, save_checkpoint
from models.thundernet.config import ThunderNetConfig
from models.thundernet.thundernet import ThunderNet
from tests.running_line import REPOSITORY

pytestmark = pytest.mark.torch


@pytest.fixture
def saved(tmp_path: Path) -> tuple[Path, ThunderNet]:
    config = ThunderNetConfig(spatial_attention=False)
    model = ThunderNet(config)
    ema = {name: value + 1 for name, value in model.state_dict().items()}
    meta = {"model": msgspec.to_builtins(config), "recipe": {}, "iteration": 5, "images": 160}
    path = tmp_path / "last.pt"
    save_checkpoint(path, {"weights": model.state_dict(), "ema": ema, "meta": meta})
    return path, model


def test_network_comes_back_as_it_was(saved: tuple[Path, ThunderNet]) -> None:
    path, model = saved
    loaded, meta = load_checkpoint(path, use_ema=False)
    assert loaded.config == model.config
    assert not loaded.training
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name
    assert meta["images"] == 160
    assert len(meta["sha256"]) == 64


def test_averaged_weights_are_the_default(saved: tuple[Path, ThunderNet]) -> None:
    path, model = saved
    loaded, _ = load_checkpoint(path)
    name = "roi_head.box.bias"
    assert torch.equal(loaded.state_dict()[name], model.state_dict()[name] + 1)


def test_live_weights_that_a_file_does_not_have_are_one_error(
    saved: tuple[Path, ThunderNet],
) -> None:
    path, _ = saved
    state = read_checkpoint(path)
    save_checkpoint(path, {"ema": state["ema"], "meta": state["meta"]})
    load_checkpoint(path)
    with pytest.raises(CheckpointError, match="expected live weights, got a file that has only"):
        load_checkpoint(path, use_ema=False)


def test_no_partial_file_is_left(saved: tuple[Path, ThunderNet]) -> None:
    path, _ = saved
    assert [file.name for file in path.parent.iterdir()] == ["last.pt"]


def test_failed_write_keeps_the_old_checkpoint(saved: tuple[Path, ThunderNet]) -> None:
    path, _ = saved
    before = path.read_bytes()
    with pytest.raises(AttributeError):
        save_checkpoint(path, {"weights": lambda: None})  # cannot be written
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"\x80\x02N.", b"RIFF\0\0", b"u."])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.pt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"other\.pt"):
        read_checkpoint(path)


class Payload:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("this code ran",)


def test_code_in_a_file_is_refused_without_running(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "other.pt"
    torch.save({"weights": Payload()}, path)
    with pytest.raises(CheckpointError, match=r"not readable: Unsupported .*print") as caught:
        read_checkpoint(path)
    assert "\n" not in str(caught.value)
    assert "this code ran" not in capsys.readouterr().out


def test_other_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "old.pt"
    torch.save({"format": 0}, path)
    with pytest.raises(CheckpointError, match="expected format 1, got 0"):
        read_checkpoint(path)


def test_older_names_of_tensors_are_read(tmp_path: Path, saved: tuple[Path, ThunderNet]) -> None:
    path, model = saved
    state = torch.load(path, weights_only=True)
    older = {
        key: {name.replace("context.", "cem.", 1): value for name, value in state[key].items()}
        for key in ("weights", "ema")
    }
    assert "cem.project.c4.weight" in older["ema"]
    torch.save(state | older, tmp_path / "older.pt")
    loaded, _ = load_checkpoint(tmp_path / "older.pt", use_ema=False)
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name


def test_the_shipped_checkpoint_is_read() -> None:
    model, meta = load_checkpoint(REPOSITORY / "models/zoo/thundernet-snet49-street11.pt")
    assert model.config.backbone == "snet49"
    assert meta["images"] > 0
