"""What ships of a checkpoint: its averaged weights, or their mean with those of another."""

from pathlib import Path

import msgspec
import pytest
import torch

from models import weights
from models.checkpoint import load_checkpoint, read_checkpoint, save_checkpoint
from models.thundernet.config import ThunderNetConfig
from models.thundernet.thundernet import ThunderNet

pytestmark = pytest.mark.torch


def save_network(path: Path, seed: int, images: int, attention: bool = False) -> Path:
    torch.manual_seed(seed)
    config = ThunderNetConfig(spatial_attention=attention)
    meta = {"model": msgspec.to_builtins(config), "recipe": {}, "iteration": 5, "images": images}
    save_checkpoint(path, {"ema": ThunderNet(config).state_dict(), "meta": meta})
    return path


def test_the_mean_has_half_of_each(tmp_path: Path) -> None:
    new = save_network(tmp_path / "new.pt", seed=1, images=320)
    before = save_network(tmp_path / "before.pt", seed=2, images=160)
    out = tmp_path / "out.pt"
    assert weights.main([str(new), str(out), "--mean", str(before)]) == 0

    ours, theirs, got = (read_checkpoint(path)["ema"] for path in (new, before, out))
    name = "roi_head.box.weight"
    assert not torch.equal(ours[name], theirs[name])
    torch.testing.assert_close(got[name], 0.5 * ours[name] + 0.5 * theirs[name])
    counts = [key for key, value in got.items() if not value.is_floating_point()]
    assert counts, "batch norm counts batches"
    assert all(torch.equal(got[key], ours[key]) for key in counts)

    _, meta = load_checkpoint(out)
    _, origin = load_checkpoint(before)
    assert meta["images"] == 320
    assert meta["mean_with"] == {"file": "before.pt", "sha256": origin["sha256"]}


def test_another_network_has_no_mean(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = save_network(tmp_path / "new.pt", seed=1, images=320)
    other = save_network(tmp_path / "other.pt", seed=2, images=160, attention=True)
    assert weights.main([str(new), str(tmp_path / "out.pt"), "--mean", str(other)]) == 1
    assert "other.pt: expected the same network: " in capsys.readouterr().err
    assert not (tmp_path / "out.pt").exists()
