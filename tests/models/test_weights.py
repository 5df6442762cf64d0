"""What ships of a checkpoint: its averaged weights, or their mean with those of others."""

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


@pytest.mark.parametrize("number", [2, 3])
def test_the_mean_has_the_same_share_of_each(tmp_path: Path, number: int) -> None:
    paths = [
        save_network(tmp_path / f"{seed}.pt", seed=seed, images=160 * (number - seed))
        for seed in range(number)
    ]
    out = tmp_path / "out.pt"
    assert weights.main([str(paths[0]), str(out), "--mean", *map(str, paths[1:])]) == 0

    *networks, got = (read_checkpoint(path)["ema"] for path in (*paths, out))
    name = "roi_head.box.weight"
    assert not torch.equal(networks[0][name], networks[1][name])
    torch.testing.assert_close(got[name], sum(each[name] for each in networks) / number)
    counts = [key for key, value in got.items() if not value.is_floating_point()]
    assert counts, "batch norm counts batches"
    assert all(torch.equal(got[key], networks[0][key]) for key in counts)

    _, meta = load_checkpoint(out)
    origins = [load_checkpoint(path)[1] for path in paths[1:]]
    assert meta["images"] == 160 * number
    assert meta["mean_with"] == [
        {"file": path.name, "sha256": origin["sha256"]}
        for path, origin in zip(paths[1:], origins, strict=True)
    ]


def test_another_network_has_no_mean(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = save_network(tmp_path / "new.pt", seed=1, images=320)
    other = save_network(tmp_path / "other.pt", seed=2, images=160, attention=True)
    assert weights.main([str(new), str(tmp_path / "out.pt"), "--mean", str(other)]) == 1
    assert "other.pt: expected the same network: " in capsys.readouterr().err
    assert not (tmp_path / "out.pt").exists()


def test_weights_of_an_unknown_number_of_images_are_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = save_network(tmp_path / "converted.pt", seed=1, images=0)
    state = read_checkpoint(path)
    del state["meta"]["images"]
    save_checkpoint(path, state)
    assert weights.main([str(path), str(tmp_path / "out.pt")]) == 0
    assert capsys.readouterr().out.endswith(" MB\n")
