"""From the shipped SNet49 to the first iteration of an SNet146."""

from pathlib import Path

import msgspec
import pytest
import torch

from models.checkpoint import load_checkpoint, read_checkpoint, save_checkpoint
from models.command import EXIT_FAILED
from models.train import command as train
from models.train.widening.command import main
from tests.models.recipes import write_recipe
from tests.models.tiny_street11 import write_split
from tests.models.train.widening.networks import WIDE, make_network

pytestmark = pytest.mark.torch

SHIPPED = Path(__file__).resolve().parents[4] / "models/zoo/thundernet-snet49-street11.pt"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for split in ("train", "val"):
        write_split(tmp_path / "data", split, 4)
    return tmp_path


def widen(folder: Path, *more: str, source: Path = SHIPPED) -> int:
    return main([str(source), str(folder / "wide.pt"), "--backbone", "snet146", *more])


def test_a_run_starts_with_the_shipped_weights_in_a_wider_network(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert widen(folder, "--data", str(folder / "data" / "train.json")) == 0
    assert "of the variance" in capsys.readouterr().out
    narrow, meta = load_checkpoint(SHIPPED)
    wide, wide_meta = load_checkpoint(folder / "wide.pt")
    assert wide.config == msgspec.structs.replace(narrow.config, backbone="snet146")
    assert wide_meta["widened_from"] == {"file": SHIPPED.name, "sha256": meta["sha256"]}
    x = torch.rand(1, 3, 64, 64) * 4 - 2
    with torch.no_grad():
        expected, found = narrow.backbone(x).c4, wide.backbone(x).c4
    nearest = (found[0, :, None] - expected[0]).abs().amax(dim=(2, 3)).amin(dim=0)
    assert nearest.max() < 1e-3, "a channel of C4 is lost"

    recipe = write_recipe(
        folder,
        iterations=1,
        optimizer={"name": "muon", "lr": 0.0},
        model={"backbone": "snet146"},
        initial_weights=str(folder / "wide.pt"),
        initial_part="network",
    )
    assert train.main([str(recipe), "--out", str(folder / "run")]) == 0
    state = read_checkpoint(folder / "run" / "last.pt")
    assert state["meta"]["images"] == meta["images"] + 2
    for name, parameter in wide.named_parameters():
        assert torch.equal(state["weights"][name], parameter), name


def test_a_network_without_conv5_needs_no_images(folder: Path) -> None:
    model = make_network(msgspec.structs.replace(WIDE, stem=24, stages=(60, 120, 240)))
    source = folder / "narrow.pt"
    meta = {"model": msgspec.to_builtins(model.config)}
    save_checkpoint(source, {"ema": model.state_dict(), "meta": meta})
    assert widen(folder, source=source) == 0
    wide, _ = load_checkpoint(folder / "wide.pt")
    x = torch.rand(1, 3, 64, 64) * 4 - 2
    with torch.no_grad():
        torch.testing.assert_close(wide(x).context, model(x).context, rtol=1e-3, atol=1e-3)


def test_mistakes_are_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def message(*more: str, source: Path = SHIPPED) -> str:
        assert widen(folder, *more, source=source) == EXIT_FAILED
        assert not (folder / "wide.pt").exists()
        return capsys.readouterr().err

    data = str(folder / "data" / "train.json")
    assert "snet146 has no conv5: expected --data, got none" in message()
    assert "none.json" in message("--data", str(folder / "none.json"))
    assert "none.pt" in message(source=folder / "none.pt")
    for shard in (folder / "data").glob("train-*.tar"):
        shard.write_bytes(b"")
    assert "expected at least one readable image" in message("--data", data)
